import { render, screen, within } from "@testing-library/react";
import { describe, expect, test } from "vitest";
import type { StageStatus } from "../../api/schema.gen";
import { timeOfDay } from "../../design/time";
import { LiveContext } from "../../live/hooks";
import { at, labelOf, order, row, silentLive } from "../../testing-data";
import { stepsOf } from "./progress";
import { Steps } from "./Steps";

/** Shows the steps of an order with these stages, some seconds after the start. */
function show(stages: readonly StageStatus[], isOpen = true, seconds = 0) {
  render(<LiveContext value={silentLive(seconds)}><Steps steps={stepsOf(order({ stages }))} isOpen={isOpen} labelOf={labelOf} /></LiveContext>);
  return screen.getAllByRole("listitem");
}

/** The words of the first step. */
function words(mix: StageStatus, seconds = 0): string | null {
  const [first] = show([mix], true, seconds);
  return first?.querySelector("p")?.textContent ?? null;
}

describe("Steps", () => {
  test("are the stages in their order", () => {
    expect(show([]).map((item) => [item.querySelector("b")?.textContent, item.dataset["look"]])).toEqual([["Mix", "ahead"], ["Bake", "ahead"], ["Decorate", "ahead"], ["Package", "ahead"]]);
    expect(screen.getAllByText("to come")).toHaveLength(4);
  });

  test.each(["cancelling", "cancelled"] as const)("promise nothing for an order that is %s", (state) => {
    const steps = stepsOf(order({ state, stages: [row("mix", "done"), row("bake", "undone")] }));
    render(<LiveContext value={silentLive()}><Steps steps={steps} isOpen labelOf={labelOf} /></LiveContext>);
    expect(screen.queryByText("to come")).toBeNull();
    expect(screen.getAllByText("not needed any more")).toHaveLength(2);
  });

  test.each(["started", "waiting"] as const)("mark where the order is for screen readers too, when its ticket is %s", (state) => {
    const items = show([row("mix", "done"), row("bake", state)]);
    expect(items.map((item) => item.getAttribute("aria-current"))).toEqual([null, "step", null, null]);
  });

  test("mark nothing once the order is over", () => {
    expect(show([row("mix", "started")], false).map((item) => item.getAttribute("aria-current"))).toEqual([null, null, null, null]);
  });

  test.each([
    [row("mix", "waiting"), "in the queue"],
    [row("mix", "waiting", { issuedAt: at(-150) }), "in the queue, 2 min"],
    [row("mix", "waiting", { issuedAt: at(-150), attempt: 7 }), "in the queue, 2 min"], // a queue, and no incident
    [row("mix", "started", { by: "Max" }), "Max is mixing"],
    [row("mix", "started", { by: "Max", attempt: 7 }), "Max is mixing"],
    [row("mix", "started", { by: "Max", startedAt: at(65) }), `Max is mixing, since ${timeOfDay(at(65))}`],
    [row("mix", "started"), "somebody is mixing"],
    [row("mix", "done"), "done"],
    [row("mix", "done", { by: "Max", doneAt: at(65) }), `done at ${timeOfDay(at(65))} by Max`],
    [row("mix", "failed"), "failed"],
    [row("mix", "failed", { reason: "lumpy" }), "failed: lumpy"],
    [row("mix", "failed", { reason: "burnt" }), "failed: Burnt"],
    [row("mix", "undone"), "cleared away"],
    [row("mix", "undone", { by: "Bea", undo: { state: "undone", attempt: 1, undoneAt: at(65) } }), `cleared away at ${timeOfDay(at(65))} by Bea`],
    [row("mix", "done", { undo: { state: "waiting", attempt: 1 } }), "waiting to be cleared away"],
    [row("mix", "done", { undo: { state: "failed", attempt: 1 } }), "waiting to be cleared away"],
    [row("mix", "done", { undo: { state: "started", attempt: 1, by: "Bea" } }), "being cleared away by Bea"],
    [row("mix", "done", { undo: { state: "started", attempt: 1 } }), "being cleared away by somebody"],
    [row("mix", "done", { undo: { state: "failed", attempt: 1, left: "eaten" } }), "left as it is"],
  ])("say of %j: %s", (mix, text) => {
    expect(words(mix)).toBe(text);
  });

  test("show names that others have given as text", () => {
    const hostile = "<img src=x onerror=alert(1)>";
    const [first] = show([row("mix", "started", { by: hostile })]);
    if (!first) throw new Error("There is no step.");
    expect(within(first).getByText(`${hostile} is mixing`).children).toHaveLength(0);
  });
});

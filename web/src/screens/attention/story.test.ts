import { describe, expect, test } from "vitest";
import { timeOfDay } from "../../design/time";
import { at, attention, labelOf, order, row } from "../../testing-data";
import { consequence, kindText, reasonText, story } from "./story";

const line = (seconds: number, text: string) => `${timeOfDay(at(seconds))} ${text}`;

describe("the story", () => {
  test("of an order that nobody has started is that it was ordered", () => {
    expect(story(order(), labelOf)).toEqual([line(0, "ordered")]);
  });

  test("lists everything in the order in which it happened, whatever the rows' order", () => {
    const lines = story(order({
      stages: [
        row("bake", "failed", { attempt: 2, by: "Ben", issuedAt: at(180), startedAt: at(240), failedAt: at(300), reason: "burnt", note: "oven 2", scrapped: 6 }),
        row("mix", "undone", { by: "Bea", madeBy: "Max", issuedAt: at(0), startedAt: at(60), doneAt: at(120), undo: { state: "undone", attempt: 1, by: "Bea", issuedAt: at(360), undoneAt: at(420) } }),
        row("mix", "started", { pass: 2, by: "Max", issuedAt: at(480), startedAt: at(540) }),
      ],
      attention: attention(),
    }), labelOf);
    expect(lines).toEqual([
      line(0, "ordered"),
      line(0, "mix: ticket issued"),
      line(60, "mix: started by Max"),
      line(120, "mix: done by Max"),
      line(180, "bake: ticket issued"),
      line(240, "bake: started by Ben"),
      line(300, "bake: failed, Burnt (oven 2), 6 pieces scrapped"),
      line(360, "mix: ticket to clear it away issued"),
      line(420, "mix: cleared away by Bea"),
      line(480, "mix, pass 2: ticket issued"),
      line(540, "mix, pass 2: started by Max"),
      line(600, "a manager was asked"),
    ]);
  });

  test("leaves out what is not known", () => {
    const lines = story(order({ stages: [row("mix", "failed", { startedAt: at(60), doneAt: at(120), failedAt: at(180), undo: { state: "undone", attempt: 1, undoneAt: at(240) } })] }), labelOf);
    expect(lines).toEqual([line(0, "ordered"), line(60, "mix: started"), line(120, "mix: done"), line(180, "mix: failed, no reason given"), line(240, "mix: cleared away")]);
  });

  test("leaves out what has no time", () => {
    expect(story(order({ stages: [row("mix", "done")] }), labelOf)).toEqual([line(0, "ordered")]);
  });

  test("sorts times with fractions of different lengths as times", () => {
    const lines = story(order({ placedAt: "2026-03-04T09:00:00.5Z", stages: [row("mix", "started", { issuedAt: "2026-03-04T09:00:00.55Z", startedAt: "2026-03-04T09:00:01Z" })] }), labelOf);
    expect(lines.map((each) => each.replace(/^.* (\S+)$/, "$1"))).toEqual(["ordered", "issued", "started"]);
  });
});

describe("a choice leads to", () => {
  test.each([
    ["retry", attention(), "Bake gets the ticket again."],
    ["retry", attention({ undoing: true, stage: "mix" }), "Mix gets the ticket to clear it away again."],
    ["remake", attention(), "What was made is put away, and the order starts again from mix."],
    ["cancel", attention(), "What was made is cleared away, and the customer is told."],
    ["cancel", attention({ undoing: true }), "This stage is left as it is; the others are cleared away."],
  ] as const)("%s of %j: %s", (choice, about, text) => {
    expect(consequence(choice, about)).toBe(text);
  });
});

test("an order tells what happened with the label of the reason, and the note as it was written", () => {
  const told = (reason: string, reasonCode?: string) => reasonText(attention({ reason, ...(reasonCode && { reasonCode }) }), labelOf);
  expect(told("bake failed after 1 remake: oven-down (bob): the oven-down lamp is on", "oven-down")).toBe("bake failed after 1 remake: Oven is down (bob): the oven-down lamp is on");
  expect(told("bob has taken bake and has not been heard of for 5m")).toBe("bob has taken bake and has not been heard of for 5m");
});

describe("questions of one kind", () => {
  test.each([
    [{ cause: "silent", by: "bob" }, "bob took the tickets and has not been heard of since."],
    [{ cause: "silent", by: "bob", undoing: true }, "bob took the tickets to clear work away and has not been heard of since."],
    [{ cause: "silent" }, "Somebody took the tickets and has not been heard of since."],
    [{ cause: "failed", reasonCode: "burnt", by: "bob" }, "The work failed too often: Burnt, reported by bob."],
    [{ cause: "failed", reasonCode: "moved" }, "The work failed too often: moved."],
    [{ cause: "undo-failed", by: "bob" }, "The work cannot be cleared away, reported by bob."],
    [{ cause: "late-work", by: "bob" }, "Work was done that nobody will clear away, reported by bob."],
    [{ cause: "ended-by-hand" }, "Somebody ended the tickets in Temporal."],
  ] as const)("%j are called: %s", (kind, text) => {
    expect(kindText(attention(kind), labelOf)).toBe(text);
  });

  test("of a kind that this page does not know are called what the first of them says", () => {
    expect(kindText({ ...attention(), cause: "flood" as "silent" }, labelOf)).toBe("It failed.");
  });
});

import { describe, expect, test } from "vitest";
import type { OrderState, OrderStatus } from "../../api/schema.gen";
import { dueText, timeOfDay } from "../../design/time";
import { at, order, row } from "../../testing-data";
import { canAmend, canCancel, expectedText, headline, mishaps, stepsOf } from "./progress";

const looks = (of: Parameters<typeof stepsOf>[0]) => stepsOf(of).map((step) => `${step.stage} ${step.look}`);

describe("the steps", () => {
  test("are all ahead before the first ticket is out", () => {
    expect(looks(order({ state: "accepted" }))).toEqual(["mix ahead", "bake ahead", "decorate ahead", "package ahead"]);
  });

  test("stand as the order's stages do", () => {
    const now = order({ stages: [row("mix", "done"), row("bake", "started"), row("decorate", "waiting"), row("package", "failed")] });
    expect(looks(now)).toEqual(["mix done", "bake working", "decorate waiting", "package failed"]);
    expect(stepsOf(now)[1]?.row).toBe(now.stages[1]);
  });

  test("are those of the present pass: what an earlier one has done is made again", () => {
    const remade = order({ stages: [row("mix", "undone"), row("bake", "failed"), row("mix", "started", { pass: 2 })], remakes: 1 });
    expect(looks(remade)).toEqual(["mix working", "bake ahead", "decorate ahead", "package ahead"]);
  });

  test("are those of the order's own route, whatever stages there are now", () => {
    expect(looks(order({ route: ["mix", "package"], stages: [row("mix", "done")] }))).toEqual(["mix done", "package ahead"]);
    expect(headline(order({ route: ["mix", "package"], stage: "mix", stages: [row("mix", "done")] }))).toBe("In the queue to be packaged");
  });

  test("are all stages if an API of an older build does not tell the route", () => {
    const { route: _, ...older } = order({ stages: [row("mix", "done")] });
    expect(looks(older as OrderStatus)).toEqual(["mix done", "bake ahead", "decorate ahead", "package ahead"]);
  });

  test("show a pass that is undone", () => {
    expect(looks(order({ state: "cancelled", stages: [row("mix", "undone"), row("bake", "undone")] }))).toEqual(["mix undone", "bake undone", "decorate dropped", "package dropped"]);
  });
});

describe("the headline", () => {
  test.each([
    ["accepted", "Your order is in"],
    ["needs-attention", "Somebody is looking into your order"],
    ["cancelling", "Being cancelled"],
    ["cancelled", "Cancelled"],
    ["shipped", "Ready: your cupcakes are waiting for you"],
  ] as const)("of an order that is %s", (state, text) => {
    expect(headline(order({ state, stage: "package", waitingFor: "package", stages: [row("package", "started")] }))).toBe(text);
  });

  test.each([
    ["mix", "Your cupcakes are being mixed", "You’re in the queue"],
    ["bake", "Your cupcakes are in the oven", "In the queue to be baked"],
    ["decorate", "Your cupcakes are being decorated", "In the queue to be decorated"],
    ["package", "Your cupcakes are being packaged", "In the queue to be packaged"],
  ] as const)("says whether somebody is working on it at %s", (stage, working, waiting) => {
    expect(headline(order({ stage, waitingFor: stage, stages: [row(stage, "started")] }))).toBe(working);
    expect(headline(order({ stage, waitingFor: stage, stages: [row(stage, "waiting")] }))).toBe(waiting);
  });

  test("follows the last pass", () => {
    expect(headline(order({ waitingFor: "mix", stages: [row("mix", "started"), row("bake", "failed"), row("mix", "waiting", { pass: 2 })] }))).toBe("You’re in the queue");
  });

  test("of an order that no stage has seen", () => {
    expect(headline(order({ stages: [] }))).toBe("Your order is in");
  });

  // Between two stages the order waits for nobody, and its last stage is over.
  test("does not announce a stage that is done", () => {
    expect(headline(order({ stage: "mix", stages: [row("mix", "done")] }))).toBe("In the queue to be baked");
    expect(headline(order({ stage: "package", stages: [row("mix", "done"), row("package", "done")] }))).toBe("Your cupcakes are nearly ready");
  });

  // While a pass is undone for a remake, the order waits for a stage as if for work.
  test.each(["waiting", "started", "failed"] as const)("does not announce a stage that is being undone, the undo ticket being %s", (state) => {
    const undoing = order({ stage: "bake", waitingFor: "mix", stages: [row("mix", "done", { undo: { state, attempt: 1 } }), row("bake", "failed")] });
    expect(headline(undoing)).toBe("We are starting again");
  });

  test("does not announce a stage that was just undone", () => {
    expect(headline(order({ stage: "mix", stages: [row("mix", "undone", { undo: { state: "undone", attempt: 1 } })] }))).toBe("We are starting again");
  });
});

describe("when an order may be ready", () => {
  const [from, until] = [at(1200), at(2100)];

  test("is a range, or about a time", () => {
    expect(expectedText(order({ estimate: { from, until } }))).toBe(`Ready between ${timeOfDay(from)} and ${timeOfDay(until)}.`);
    expect(expectedText(order({ estimate: { from: until, until } }))).toBe(`Ready at about ${timeOfDay(until)}.`);
  });

  test("is about a time, or later, if it takes longer than usual", () => {
    expect(expectedText(order({ estimate: { from, until, slow: true } }))).toBe(`It is taking longer than usual: ready at about ${timeOfDay(until)}, or later.`);
  });

  test("is not told if nobody can say", () => {
    expect(expectedText(order())).toBe(`Ordered at ${timeOfDay(at(0))}. We can’t estimate a time yet.`);
  });

  test("is when it was promised, unless that cannot be kept", () => {
    const promised = `They will be ready for you at ${dueText(at(1200))}.`;
    expect(expectedText(order({ dueAt: at(1200) }))).toBe(promised);
    expect(expectedText(order({ dueAt: at(1200), estimate: { from, until } }))).toBe(promised);
    expect(expectedText(order({ dueAt: at(1199), estimate: { from, until } }))).toBe(`We are running late for ${dueText(at(1199))}. Ready between ${timeOfDay(from)} and ${timeOfDay(until)}.`);
  });
});

describe("what a customer may still do", () => {
  const all: readonly OrderState[] = ["accepted", "scheduled", "in-progress", "needs-attention", "cancelling", "cancelled", "shipped"];

  test("is to cancel what is open and not being cancelled", () => {
    expect(all.filter((state) => canCancel(order({ state })))).toEqual(["accepted", "scheduled", "in-progress", "needs-attention"]);
  });

  test("is to change the text of the same orders, before any is decorated", () => {
    expect(all.filter((state) => canAmend(order({ state, stages: [row("mix", "done"), row("bake", "started")] })))).toEqual(["accepted", "scheduled", "in-progress", "needs-attention"]);
  });

  test.each(["waiting", "started", "done", "failed"] as const)("is not to change the text once the decorate ticket is %s", (state) => {
    expect(canAmend(order({ stages: [row("mix", "done"), row("bake", "done"), row("decorate", state)] }))).toBe(false);
  });

  test("is not to change the text when it is packaged", () => {
    expect(canAmend(order({ stages: [row("package", "waiting")] }))).toBe(false);
  });

  test("is to change the text again when the order is made again", () => {
    expect(canAmend(order({ stages: [row("decorate", "undone"), row("mix", "waiting", { pass: 2 })] }))).toBe(true);
    expect(canAmend(order({ stages: [row("decorate", "undone"), row("decorate", "waiting", { pass: 2 })] }))).toBe(false);
  });
});

describe("mishaps", () => {
  test("are what failed, even if it was done or undone later", () => {
    const failedThenDone = row("bake", "done", { reason: "burnt", failedAt: at(5) });
    const failedThenUndone = row("mix", "undone", { reason: "lumpy" });
    expect(mishaps(order({ stages: [row("mix", "done"), failedThenDone, failedThenUndone, row("decorate", "started")] }))).toEqual([failedThenDone, failedThenUndone]);
  });

  test("are none in a queue, however often the ticket is delivered", () => {
    expect(mishaps(order({ stages: [row("mix", "waiting", { attempt: 7 })] }))).toEqual([]);
    expect(headline(order({ waitingFor: "mix", stages: [row("mix", "waiting", { attempt: 7 })] }))).toBe("You’re in the queue");
  });

  test("are none when all went well", () => {
    expect(mishaps(order({ stages: [row("mix", "done", { reason: "old" }), row("bake", "waiting")] }))).toEqual([]);
  });
});

import { describe, expect, test } from "vitest";
import type { OrderState, OrderStatus } from "../../api/schema.gen";
import { at, order, pace, row, start } from "../../testing-data";
import { canAmend, canCancel, estimate, headline, mishaps, stepsOf } from "./progress";

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

describe("the estimate", () => {
  const working = order({ waitingFor: "decorate", stages: [row("mix", "done"), row("bake", "done"), row("decorate", "started", { issuedAt: at(0) })] });

  test("adds up the stages that are ahead, less what the present one has had", () => {
    expect(estimate(working, pace(60, 100), start + 20_000)).toEqual({ from: start + 20_000 + 40_000 + 60_000, until: start + 20_000 + 80_000 + 100_000, slow: false });
  });

  test("takes each stage's own pace", () => {
    const own = pace(0, 0, { stages: [{ stage: "decorate", samples: 3, typicalSeconds: 30, slowSeconds: 50 }, { stage: "package", samples: 3, typicalSeconds: 5, slowSeconds: 7 }] });
    expect(estimate(working, own, start)).toEqual({ from: start + 35_000, until: start + 57_000, slow: false });
  });

  test("counts a stage as over that has had its time, and no less than that", () => {
    expect(estimate(working, pace(60, 100), start + 90_000)).toEqual({ from: start + 150_000, until: start + 200_000, slow: false });
  });

  test("says that it is slow once it takes longer than nine in ten", () => {
    expect(estimate(working, pace(60, 100), start + 100_000)?.slow).toBe(false);
    expect(estimate(working, pace(60, 100), start + 101_000)).toEqual({ from: start + 161_000, until: start + 201_000, slow: true });
  });

  test("never ends before it begins, even if the figures are odd", () => {
    const odd = estimate(working, pace(60, 10), start);
    expect(odd?.until).toBe(odd?.from);
  });

  test("does not count time against the order that the clocks differ by", () => {
    expect(estimate(working, pace(60, 100), start - 5_000)?.from).toBe(start - 5_000 + 120_000);
  });

  test("counts the present stage whole if nobody knows since when", () => {
    expect(estimate(order({ waitingFor: "package", stages: [row("package", "waiting")] }), pace(60, 100), start)?.from).toBe(start + 60_000);
  });

  test("takes the present pass's ticket, not an earlier one's", () => {
    const remade = order({ waitingFor: "mix", stages: [row("mix", "undone", { issuedAt: at(-900) }), row("mix", "waiting", { pass: 2, issuedAt: at(0) })] });
    expect(estimate(remade, pace(60, 100), start)).toEqual({ from: start + 240_000, until: start + 400_000, slow: false });
  });

  // The order waits for the station that undoes, and goes through all of them afterwards.
  test("counts all stages while a pass is put away for a remake", () => {
    const undoing = order({ waitingFor: "decorate", stages: [row("mix", "done"), row("bake", "done"), row("decorate", "failed", { issuedAt: at(-900), undo: { state: "waiting", attempt: 1 } })] });
    expect(estimate(undoing, pace(60, 100), start)).toEqual({ from: start + 240_000, until: start + 400_000, slow: false });
  });

  test.each([
    ["has too few samples", { stage: "package", samples: 2, typicalSeconds: 60, slowSeconds: 100 }],
    ["has no typical time", { stage: "package", samples: 9, slowSeconds: 100 }],
    ["has no slow time", { stage: "package", samples: 9, typicalSeconds: 60 }],
  ] as const)("is none if a stage that is ahead %s", (_, last) => {
    const { stages } = pace(60, 100);
    expect(estimate(working, { at: at(0), stages: [...stages.slice(0, 3), last] }, start)).toBeNull();
  });

  test("does not need to know the stages that are over", () => {
    const { stages } = pace(60, 100);
    expect(estimate(working, { at: at(0), stages: stages.slice(2) }, start)).not.toBeNull();
  });

  test.each(["accepted", "scheduled", "needs-attention", "cancelling", "cancelled", "shipped"] as const)("is none for an order that is %s", (state) => {
    expect(estimate(order({ ...working, state }), pace(60, 100), start)).toBeNull();
  });

  test("is none for an order that waits for nobody", () => {
    expect(estimate(order({ stages: [row("mix", "done")] }), pace(60, 100), start)).toBeNull();
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

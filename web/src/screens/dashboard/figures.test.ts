import { describe, expect, test } from "vitest";
import { stageStatistics, start, statistics } from "../../testing-data";
import { orderFlow, stageTimes } from "./figures";

describe("orders over time", () => {
  const flow = (placed: readonly number[], done: readonly number[]) => orderFlow(statistics({ placed, stages: [stageStatistics([]), stageStatistics(done.map((each) => ({ done: each })))] }));
  const none = (count: number) => Array.from({ length: count }, () => 0);

  test("begin shortly before the first one, so that few fill the chart", () => {
    const steps = flow([...none(20), 3, ...none(14), 1], [...none(35), 2]);
    expect(steps).toHaveLength(17);
    expect(steps[1]).toEqual({ at: start + 20 * 300_000, placed: 3, ready: 0 });
    expect(steps.at(-1)).toEqual({ at: start + 35 * 300_000, placed: 1, ready: 2 });
  });

  test("show half an hour at least", () => {
    expect(flow([...none(47), 1], none(48))).toHaveLength(6);
    expect(flow([1, 0], [0, 1]), "or what there is").toHaveLength(2);
  });

  test("are nothing while there was none", () => {
    expect(flow(none(48), none(48))).toEqual([]);
  });
});

describe("a stage's times", () => {
  const older = { done: 10, workSeconds: 60, waitSeconds: 20 };

  test("weigh each step by its tickets, and leave out what nobody knows", () => {
    const { usual, done, failed } = stageTimes(stageStatistics([{ done: 1, waitSeconds: 10 }, { done: 3, failed: 2, waitSeconds: 30, workSeconds: 5 }]));
    expect([done, failed]).toEqual([4, 2]);
    expect(usual).toEqual({ done: 4, wait: 25_000, work: 5_000 });
    expect(stageTimes(stageStatistics([{}])).usual).toEqual({ done: 0 });
  });

  test("lately are those of the last half hour", () => {
    const quiet = Array.from({ length: 5 }, () => ({}));
    expect(stageTimes(stageStatistics([older, ...quiet, { done: 3, workSeconds: 180 }])).recent).toEqual({ done: 3, work: 180_000 });
    expect(stageTimes(stageStatistics([older, { done: 3, workSeconds: 180 }])).recent.done, "what is not over yet").toBe(13);
  });

  test("are slow from half as long again on, by more than a ticket or two", () => {
    const isSlow = (done: number, workSeconds: number) => stageTimes(stageStatistics([{ ...older, done: 100 }, ...Array.from({ length: 5 }, () => ({})), { done, workSeconds }])).isSlow;
    expect([isSlow(3, 100), isSlow(2, 100), isSlow(3, 80)]).toEqual([true, false, false]);
  });
});

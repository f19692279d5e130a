import { describe, expect, test } from "vitest";
import { stageStatistics, start, statistics } from "../../testing-data";
import { stageTimes, throughput } from "./figures";

const minutes = 60_000;
const done = (...counts: readonly number[]) => stageStatistics(counts.map((count) => ({ done: count })));

describe("the throughput", () => {
  test("adds steps of five minutes up to bars of a quarter of an hour", () => {
    expect(throughput(statistics({ stepSeconds: 300 }), done(1, 2, 3, 4, 5, 6))).toEqual([{ at: start, value: 6 }, { at: start + 15 * minutes, value: 15 }]);
  });

  test("shows the rest as a bar of its own, so that nothing is lost", () => {
    expect(throughput(statistics({ stepSeconds: 300 }), done(1, 2, 3, 4))).toEqual([{ at: start, value: 6 }, { at: start + 15 * minutes, value: 4 }]);
  });

  test("leaves steps of a quarter of an hour as they are", () => {
    expect(throughput(statistics({ stepSeconds: 900 }), done(1, 2))).toEqual([{ at: start, value: 1 }, { at: start + 15 * minutes, value: 2 }]);
  });

  test("makes a bar of each step that is longer", () => {
    expect(throughput(statistics({ stepSeconds: 3600 }), done(1, 2))).toEqual([{ at: start, value: 1 }, { at: start + 60 * minutes, value: 2 }]);
  });

  test("has no bars without steps", () => {
    expect(throughput(statistics(), done())).toEqual([]);
  });
});

describe("the times of a stage", () => {
  test("count what was done and what failed", () => {
    expect(stageTimes(stageStatistics([{ done: 2, failed: 1 }, { done: 3, failed: 4 }]))).toEqual({ done: 5, failed: 5 });
  });

  test("are averages over tickets, not over steps", () => {
    const times = stageTimes(stageStatistics([{ done: 1, waitSeconds: 100, workSeconds: 10 }, { done: 3, waitSeconds: 20, workSeconds: 50 }]));
    expect(times).toEqual({ done: 4, failed: 0, wait: 40_000, work: 40_000 });
  });

  test("leave out steps without times", () => {
    const times = stageTimes(stageStatistics([{ done: 9, workSeconds: 30 }, { done: 1, waitSeconds: 20 }]));
    expect(times).toEqual({ done: 10, failed: 0, wait: 20_000, work: 30_000 });
  });

  test("are absent, and never a division by zero, where nothing was done", () => {
    expect(stageTimes(stageStatistics([{ failed: 2, waitSeconds: 0, workSeconds: 0 }]))).toEqual({ done: 0, failed: 2 });
    expect(stageTimes(stageStatistics([]))).toEqual({ done: 0, failed: 0 });
  });

  test("may be nothing at all", () => {
    expect(stageTimes(stageStatistics([{ done: 1, waitSeconds: 0 }]))).toEqual({ done: 1, failed: 0, wait: 0 });
  });
});

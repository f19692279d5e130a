import type { StageStatistics, Statistics } from "../../api/schema.gen";

/** A bar of a chart: how many there were from `at` on, in milliseconds. */
export interface Bar {
  readonly at: number;
  readonly value: number;
}

/** The time that a bar stands for, in milliseconds: the server's steps are added up to it. */
const barSpan = 15 * 60_000;

/** Done tickets of a stage over time. */
export function throughput(statistics: Statistics, stage: StageStatistics): readonly Bar[] {
  const from = Date.parse(statistics.from);
  const perBar = Math.max(1, Math.round(barSpan / (statistics.stepSeconds * 1000)));
  const bars: Bar[] = [];
  for (let i = 0; i < stage.steps.length; i += perBar) {
    const value = stage.steps.slice(i, i + perBar).reduce((sum, step) => sum + step.done, 0);
    bars.push({ at: from + i * statistics.stepSeconds * 1000, value });
  }
  return bars;
}

interface StageTimes {
  readonly done: number;
  readonly failed: number;
  /** Averages over all done tickets, in milliseconds; absent if none is known. */
  readonly wait?: number;
  readonly work?: number;
}

/** A stage's times over the whole span, each step weighted by its tickets. */
export function stageTimes(stage: StageStatistics): StageTimes {
  const sums = { done: 0, failed: 0, wait: 0, waited: 0, work: 0, worked: 0 };
  for (const step of stage.steps) {
    sums.done += step.done;
    sums.failed += step.failed;
    if (step.waitSeconds !== undefined) {
      sums.wait += step.waitSeconds * step.done;
      sums.waited += step.done;
    }
    if (step.workSeconds !== undefined) {
      sums.work += step.workSeconds * step.done;
      sums.worked += step.done;
    }
  }
  return {
    done: sums.done,
    failed: sums.failed,
    ...(sums.waited > 0 && { wait: (sums.wait / sums.waited) * 1000 }),
    ...(sums.worked > 0 && { work: (sums.work / sums.worked) * 1000 }),
  };
}

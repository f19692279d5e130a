import type { StageStatistics, Statistics } from "../../api/schema.gen";

/** What came into the kitchen, and what left it, from a moment on, in milliseconds. */
export interface Step {
  readonly at: number;
  readonly placed: number;
  readonly ready: number;
}

/** The least that a chart shows: half an hour of steps of five minutes. */
const leastSteps = 6;

/** The orders of each step from shortly before the first one on; empty if there was none. */
export function orderFlow({ from, stepSeconds, placed, stages }: Statistics): readonly Step[] {
  const last = stages.at(-1);
  const steps = placed.map((count, i) => ({ at: Date.parse(from) + i * stepSeconds * 1000, placed: count, ready: last?.steps[i]?.done ?? 0 }));
  const first = steps.findIndex((step) => step.placed > 0 || step.ready > 0);
  return first < 0 ? [] : steps.slice(Math.max(0, Math.min(first - 1, steps.length - leastSteps)));
}

/** How long tickets took, in milliseconds; absent if that is known of none. */
interface Times {
  readonly done: number;
  readonly wait?: number;
  readonly work?: number;
}

/** What is recent, in steps: half an hour. */
const recentSteps = 6;

/** Fewer tickets than that say nothing about a stage. */
const leastRecent = 3;

interface StageTimes {
  readonly done: number;
  readonly failed: number;
  readonly usual: Times;
  readonly recent: Times;
  /** Tickets are in hand for half as long again as usual. */
  readonly isSlow: boolean;
}

/** A stage's times over the whole span and lately. */
export function stageTimes({ steps }: StageStatistics): StageTimes {
  const usual = timesOf(steps);
  const recent = timesOf(steps.slice(-recentSteps));
  return {
    done: usual.done,
    failed: steps.reduce((sum, step) => sum + step.failed, 0),
    usual,
    recent,
    isSlow: recent.done >= leastRecent && recent.work !== undefined && usual.work !== undefined && recent.work >= 1.5 * usual.work,
  };
}

/** Averages over all done tickets, each step weighted by its tickets. */
function timesOf(steps: StageStatistics["steps"]): Times {
  const sums = { done: 0, wait: 0, waited: 0, work: 0, worked: 0 };
  for (const step of steps) {
    sums.done += step.done;
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
    ...(sums.waited > 0 && { wait: (sums.wait / sums.waited) * 1000 }),
    ...(sums.worked > 0 && { work: (sums.work / sums.worked) * 1000 }),
  };
}

import { asProblem } from "../../api/problem";
import type { AskingOrder } from "./groups";

/** What became of one order of a decision that was made for many. */
export interface Result {
  readonly order: AskingOrder;
  /** `answered`: the question was closed meanwhile, by another manager or by the station. */
  readonly outcome: "decided" | "answered" | "undecided";
  /** Why it is undecided. */
  readonly why?: string;
}

interface Ways {
  /** Decides about one order. */
  readonly decide: (order: AskingOrder) => Promise<unknown>;
  /** Whether the order's question is still open. */
  readonly isOpen: (order: AskingOrder) => Promise<boolean>;
}

/** How many decisions are under way at once: a group may be large, and others use the API too. */
const atOnce = 4;

/** Decides about many orders, each on its own, and tells the results so far after each. */
export async function decideTogether(orders: readonly AskingOrder[], ways: Ways, onResult: (results: readonly Result[]) => void): Promise<void> {
  const ahead = [...orders];
  const results: Result[] = [];
  const work = async () => {
    for (let order = ahead.shift(); order; order = ahead.shift()) {
      results.push(await decide(order, ways));
      onResult([...results]);
    }
  };
  await Promise.all(Array.from({ length: atOnce }, work));
}

async function decide(order: AskingOrder, ways: Ways): Promise<Result> {
  try {
    await ways.decide(order);
    return { order, outcome: "decided" };
  } catch (error) {
    const problem = asProblem(error);
    // Nobody minds a refusal when there is nothing left to decide.
    if (problem.is("/problems/refused") && !(await ways.isOpen(order).catch(() => true))) return { order, outcome: "answered" };
    return { order, outcome: "undecided", why: problem.message };
  }
}

import type { Choice, Pace } from "../../api/schema.gen";
import { costsOf } from "./costs";
import type { AskingOrder } from "./groups";

interface Props {
  readonly choice: Choice;
  readonly orders: readonly AskingOrder[];
  readonly pace: Pace | undefined;
}

/** What a choice costs, beside its button. */
export function CostList({ choice, orders, pace }: Props) {
  return <ul className="costs small">{costsOf(choice, orders, pace).map((line) => <li key={line}>{line}</li>)}</ul>;
}

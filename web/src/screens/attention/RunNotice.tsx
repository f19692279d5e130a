import { Button } from "../../design/Button";
import { Notice } from "../../design/feedback";
import { countText } from "../../text";
import { choiceWords } from "./story";
import { isOver, type Run } from "./useDecidingTogether";

/** How far a decision about many orders is, and what became of each. */
export function RunNotice({ run, onClose }: { readonly run: Run; readonly onClose: () => void }) {
  const count = (outcome: string) => run.results.filter((each) => each.outcome === outcome).length;
  const undecided = run.results.filter((each) => each.outcome === "undecided");
  const answered = count("answered");
  const title = choiceWords[run.body.choice].many(countText(run.orders.length, "order"));
  if (!isOver(run)) return <Notice look="info" className="refusal"><strong>{title}</strong> {count("decided")} decided so far …</Notice>;
  return (
    <Notice look={undecided.length > 0 ? "bad" : "good"} urgent={undecided.length > 0} className="refusal">
      <p><strong>{title}</strong> {count("decided")} decided{answered > 0 ? `; ${answered} had been answered already` : ""}{undecided.length > 0 ? `; ${undecided.length} not decided:` : "."}</p>
      {undecided.length > 0 && (
        <ul>
          {undecided.map(({ order, why }) => <li key={order.id} className="wrap-anywhere"><span className="code" translate="no">{order.pickupCode}</span>: {why}</li>)}
        </ul>
      )}
      <Button look="bare" onClick={onClose}>Understood</Button>
    </Notice>
  );
}

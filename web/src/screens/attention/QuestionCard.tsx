import { useQuery } from "@tanstack/react-query";
import { memo, useCallback, useState } from "react";
import { api } from "../../api/client";
import { Problem } from "../../api/problem";
import type { Pace, Resolution } from "../../api/schema.gen";
import { Button } from "../../design/Button";
import { Failure, Loading, Notice } from "../../design/feedback";
import { Field } from "../../design/Field";
import { StageBadge } from "../../design/stages";
import { spanText, timeOfDay } from "../../design/time";
import { useTime } from "../../live/hooks";
import { moneyText } from "../../prices";
import { countText } from "../../text";
import { useUpdate } from "../useUpdate";
import { CostList } from "./CostList";
import type { AskingOrder } from "./groups";
import { choiceWords, consequence, reasonText, story } from "./story";

interface Props {
  readonly order: AskingOrder;
  readonly labelOf: (reason: string) => string;
  readonly pace: Pace | undefined;
  readonly decide: (order: AskingOrder, body: Resolution, key: string) => Promise<void>;
  readonly onRefused: (text: string) => void;
}

/** A question that stands alone, as the list tells it. */
export const QuestionCard = memo(function QuestionCard({ order, labelOf, pace, decide, onRefused }: Props) {
  const { attention, inHand, pieces, total, remakes = 0, scrapped = 0 } = order;
  const waited = useTime((now) => spanText(now - Date.parse(attention.since)));
  const [note, setNote] = useState("");
  const [isOpen, setOpen] = useState(false);
  const resolve = useCallback(async (body: Resolution, key: string) => {
    try {
      await decide(order, body, key);
    } catch (error) {
      if (error instanceof Problem && !error.isUncertain) onRefused(`${order.pickupCode}, ${choiceWords[body.choice].one.toLowerCase()}: ${error.message}`);
      throw error;
    }
  }, [order, decide, onRefused]);
  const { busy, problem, send } = useUpdate(resolve);
  const choose = (choice: Resolution["choice"]) => send({ choice, ...(note.trim() && { note: note.trim() }) });
  return (
    <article className="card stack question" aria-label={`Order ${order.pickupCode}`}>
      <header className="row question-head">
        <span className="code question-code" translate="no">{order.pickupCode}</span>
        <StageBadge stage={attention.stage} />
        {attention.undoing && <span className="badge badge-bad">while clearing away</span>}
        <span className="badge badge-bad numbers">for {waited}</span>
        {inHand && <span className="badge">In hand: <span className="wrap-anywhere" dir="auto" translate="no">{inHand.by}</span></span>}
      </header>
      <p className="question-reason wrap-anywhere">{reasonText(attention, labelOf)}</p>
      <p className="soft wrap-anywhere">{pieces ? `${countText(pieces, "piece")} for` : "For"} <span dir="auto" translate="no">{order.customer.name}</span>, ordered at {timeOfDay(order.placedAt)}{total ? ` for ${moneyText(total, total.amount)}` : ""}{remakes > 0 ? `, remade ${remakes === 1 ? "once" : `${remakes} times`}` : ""}{scrapped > 0 ? `, ${countText(scrapped, "piece")} scrapped so far` : ""}.</p>
      <details onToggle={(event) => { setOpen(event.currentTarget.open); }}>
        <summary>What happened</summary>
        {isOpen && <Story order={order} labelOf={labelOf} />}
      </details>
      <Field label="Note" hint="Optional; your colleagues can read it, and the customer if you cancel">
        {(wiring) => <input {...wiring} className="input" maxLength={500} value={note} onChange={(event) => { setNote(event.target.value); }} />}
      </Field>
      {problem?.isUncertain && <Notice look="bad" urgent>{problem.message}</Notice>}
      <ul className="question-choices">
        {attention.choices.map((choice) => (
          <li key={choice}>
            <Button look={choice === "cancel" ? "danger" : "primary"} big off={busy} onClick={() => void choose(choice)}>{choiceWords[choice].one}</Button>
            <span className="small soft">{consequence(choice, attention)}</span>
            <CostList choice={choice} orders={[order]} pace={pace} />
          </li>
        ))}
      </ul>
    </article>
  );
});

/** What has happened to the order, which the list does not tell. */
function Story({ order: { id, attention }, labelOf }: Pick<Props, "order" | "labelOf">) {
  const { data, error, refetch } = useQuery({ queryKey: ["story", id, attention.since], queryFn: ({ signal }) => api.order(id, signal), staleTime: 0 });
  if (error) return <Failure error={error} retry={() => void refetch()} />;
  if (!data) return <Loading what="what happened" bars={1} />;
  return <ol className="story">{story(data, labelOf).map((line, i) => <li key={i} className="wrap-anywhere">{line}</li>)}</ol>;
}

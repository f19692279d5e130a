import { useQuery } from "@tanstack/react-query";
import { memo, useState } from "react";
import { paceQuery } from "../../api/queries";
import type { OrderSummary } from "../../api/schema.gen";
import { Button } from "../../design/Button";
import { Empty } from "../../design/feedback";
import { useRest } from "../../design/focus";
import { countText } from "../../text";
import { useReasonLabels } from "../useReasonLabels";
import { GroupCard } from "./GroupCard";
import { isAsking, itemsOf, type AskingOrder } from "./groups";
import { QuestionCard } from "./QuestionCard";
import { RunNotice } from "./RunNotice";
import { isOver, useDecidingTogether } from "./useDecidingTogether";

/** How many cards are added at once: a flood of questions must not bring the page to a stop. */
const cardsAtOnce = 100;

interface Props {
  readonly orders: readonly OrderSummary[];
  readonly onRefused: (text: string) => void;
}

/** Every question that is not answered yet. */
export const Questions = memo(function Questions({ orders, onRefused }: Props) {
  const labelOf = useReasonLabels();
  const pace = useQuery(paceQuery).data;
  const [alone, setAlone] = useState<ReadonlySet<string>>(new Set());
  const [most, setMost] = useState(cardsAtOnce);
  const { run, decide, decideOne, isSettled, close } = useDecidingTogether();
  const items = itemsOf(orders.filter(isAsking).filter((order) => !isSettled(order)), alone);
  const [list, pressMore] = useRest<HTMLUListElement>(most, items.length > most);
  const rest = items.slice(most).reduce((sum, { group }) => sum + (group?.orders.length ?? 1), 0);
  return (
    <>
      {run && <RunNotice run={run} onClose={close} />}
      {items.length === 0 && <Empty title="Nothing to decide"><p>When an order needs you, it will appear here by itself.</p></Empty>}
      <ul ref={list} className="stack">
        {items.slice(0, most).map(({ group, order }) => (
          // A card is one question's: what was typed for it must not answer the next.
          <li key={group ? group.key : `${order.id} ${order.attention.since}`}>
            {group ? (
              <GroupCard
                group={group}
                labelOf={labelOf}
                pace={pace}
                busy={run !== null && !isOver(run)}
                onDecide={(chosen, body) => void decide(chosen, body)}
                onDecideAlone={(each: AskingOrder) => { setAlone((before) => new Set([...before, each.id])); }}
              />
            ) : <QuestionCard order={order} labelOf={labelOf} pace={pace} decide={decideOne} onRefused={onRefused} />}
          </li>
        ))}
      </ul>
      {rest > 0 && <Button onClick={() => { pressMore(); setMost(most + cardsAtOnce); }}>Show more: {countText(rest, "order")}</Button>}
    </>
  );
});

import { useInfiniteQuery } from "@tanstack/react-query";
import { useCallback, useState } from "react";
import { queueQuery } from "../../api/queries";
import type { OrderSummary, Stage } from "../../api/schema.gen";
import { Button } from "../../design/Button";
import { Failure, Loading } from "../../design/feedback";
import { useRest } from "../../design/focus";
import { GoTo } from "../../design/GoTo";
import { StageIcon, stages, stageWords } from "../../design/stages";
import { spanText, timeOfDay } from "../../design/time";
import { useTime } from "../../live/hooks";
import { moneyText } from "../../prices";
import { stateWords } from "../../states";
import { useRefetchOnChange } from "../useRefetchOnChange";

/** The orders at a stage, and who has each in hand. Nothing is fetched before somebody wants to see it. */
export function QueueList({ version }: { readonly version: number }) {
  const [stage, setStage] = useState<Stage | null>(null);
  return (
    <section aria-labelledby="queue" className="card stack">
      <h2 id="queue">Who has what in hand</h2>
      <div className="choices" role="group" aria-label="Show the orders at">
        {stages.map((each) => (
          <Button key={each} aria-pressed={each === stage} look={each === stage ? "primary" : "quiet"} onClick={() => { setStage(each === stage ? null : each); }}>
            <StageIcon stage={each} /> {stageWords[each].name}
          </Button>
        ))}
      </div>
      {stage && <Queue key={stage} stage={stage} version={version} />}
    </section>
  );
}

function Queue({ stage, version }: { readonly stage: Stage; readonly version: number }) {
  const { data, error, refetch, fetchNextPage, hasNextPage, isFetching, isFetchingNextPage } = useInfiniteQuery(queueQuery(stage));
  // Whoever has asked for more must not lose that to a change, nor the change to that.
  const refetchLater = useCallback(() => refetch({ cancelRefetch: false }), [refetch]);
  const [lost, setLost] = useState(0);
  useRefetchOnChange(version + lost, refetchLater, isFetchingNextPage);
  const showMore = () => {
    if (isFetching) setLost(lost + 1); // it is cancelled
    pressMore();
    void fetchNextPage();
  };
  const { name } = stageWords[stage];
  // While pages are fetched orders move from one to the next.
  const orders = [...new Map(data?.pages.flatMap((page) => page.orders).map((order) => [order.id, order])).values()];
  const [list, pressMore] = useRest<HTMLTableSectionElement>(orders.length, hasNextPage);
  if (!data) return error ? <Failure error={error} retry={() => void refetch()} /> : <Loading what={`the orders at ${name}`} bars={2} />;
  const arePriced = orders.some((order) => order.total);
  return (
    <>
      {error && <Failure error={error} retry={() => void refetch()} />}
      {orders.length === 0 && !hasNextPage && <p className="soft">No order is here.</p>}
      {orders.length > 0 && (
        // A table wider than a phone scrolls, by keyboard too.
        // eslint-disable-next-line jsx-a11y/no-noninteractive-tabindex
        <div className="table-scroll" tabIndex={0} role="region" aria-label={`Orders at ${name}, the oldest in the queue first`}>
          <table>
            <thead><tr><th scope="col">Order</th><th scope="col">Customer</th><th scope="col">State</th><th scope="col">In hand</th><th scope="col">Ordered</th>{arePriced && <th scope="col">Total</th>}</tr></thead>
            <tbody ref={list}>{orders.map((order) => <Row key={order.id} order={order} isPriced={arePriced} />)}</tbody>
          </table>
        </div>
      )}
      {hasNextPage && <Button off={isFetchingNextPage} onClick={showMore}>Show more</Button>}
    </>
  );
}

function Row({ order: { id, pickupCode, customer, state, inHand, placedAt, total }, isPriced }: { readonly order: OrderSummary; readonly isPriced: boolean }) {
  const since = inHand?.since;
  const held = useTime((now) => (since ? `, for ${spanText(now - Date.parse(since))}` : ""));
  return (
    <tr>
      <th scope="row" className="code" translate="no"><GoTo href={`/find/${id}`}>{pickupCode}</GoTo></th>
      <td><span className="queue-name" dir="auto" translate="no">{customer.name}</span></td>
      <td>{stateWords[state]}</td>
      <td>{inHand ? <><span className="queue-name" dir="auto" translate="no">{inHand.by}</span><span className="numbers">{held}</span></> : "–"}</td>
      <td className="numbers">{timeOfDay(placedAt)}</td>
      {isPriced && <td className="numbers">{total ? moneyText(total, total.amount) : "–"}</td>}
    </tr>
  );
}

import { useQuery } from "@tanstack/react-query";
import { Link } from "@tanstack/react-router";
import { readyQuery } from "../../api/queries";
import type { KitchenCounts, ReadyOrders } from "../../api/schema.gen";
import { Failure } from "../../design/feedback";
import { dayAndTime } from "../../design/time";
import { countText } from "../../text";
import { useRefetchOnChange } from "../useRefetchOnChange";

/** How many orders are listed; the counter finds the others. */
const listed = 12;

/** The bakery's day so far, and what of it was not collected. */
export function useDay(kitchen: KitchenCounts | undefined) {
  const day = useQuery(readyQuery("", listed));
  useRefetchOnChange(kitchen?.state.readyVersion ?? 0, day.refetch);
  return day;
}

/** At closing: what nobody has come for. */
export function NotCollected({ ready, error }: { readonly ready: ReadyOrders | undefined; readonly error: unknown }) {
  if (!ready) return error ? <Failure error={error} /> : null;
  const { orders, count, today } = ready;
  const hidden = count - orders.length;
  return (
    <section aria-labelledby="uncollected" className="card stack">
      <h2 id="uncollected">Not collected <span className="badge numbers">{count}</span></h2>
      <p className="soft">{today.shipped === 0 ? "No order has become ready today." : `${today.shipped - today.uncollected} of ${countText(today.shipped, "order")} that became ready today ${today.shipped - today.uncollected === 1 ? "was" : "were"} collected.`}</p>
      {count > 0 && (
        <ul className="uncollected" aria-label="Orders that were not collected">
          {orders.map((order) => (
            <li key={order.id}>
              <b className="code" translate="no">{order.pickupCode}</b>
              <span className="wrap-anywhere" dir="auto" translate="no">{order.name}</span>
              <span className="soft small">{countText(order.pieces, "piece")}, since {dayAndTime(order.since)}</span>
            </li>
          ))}
        </ul>
      )}
      <p>{hidden > 0 && <>And {countText(hidden, "order")} more. </>}<Link to="/counter">Hand out at the counter</Link></p>
    </section>
  );
}

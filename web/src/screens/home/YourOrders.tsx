import { Link } from "@tanstack/react-router";
import { useCallback, useEffect, useState } from "react";
import type { OrderStatus } from "../../api/schema.gen";
import { Button } from "../../design/Button";
import { Cupcake } from "../../design/Cupcake";
import { Dialog } from "../../design/Dialog";
import { useRest } from "../../design/focus";
import { useLive } from "../../live/hooks";
import { headline } from "../tracking/progress";
import { forgetOrder, forgetOrders, knownOrders } from "./known";
import "./home.css";

interface Props {
  /** Absent while there is no menu to order from. */
  readonly onAgain: ((order: OrderStatus) => void) | undefined;
}

/** Few enough that the menu is still in sight below them. */
const shownAtFirst = 2;

/** The orders that were placed with this browser, as they are now. */
export function YourOrders({ onAgain }: Props) {
  const [ids, setIds] = useState(knownOrders);
  const [isWhole, setWhole] = useState(false);
  const [isForgetting, setForgetting] = useState(false);
  const drop = useCallback((id: string) => {
    forgetOrder(id);
    setIds(knownOrders());
  }, []);
  const [list, pressMore] = useRest<HTMLUListElement>(shownAtFirst, !isWhole);
  if (ids.length === 0) return null;
  return (
    <section className="your-orders" aria-labelledby="your-orders">
      <div className="row your-orders-head">
        <h2 id="your-orders">Your orders</h2>
        <Button look="bare" onClick={() => { setForgetting(true); }}>Forget them</Button>
      </div>
      <ul ref={list}>
        {ids.slice(0, isWhole ? undefined : shownAtFirst).map((id) => <KnownOrder key={id} id={id} onAgain={onAgain} onGone={drop} />)}
      </ul>
      {ids.length > shownAtFirst && !isWhole && <Button look="bare" className="your-orders-all" onClick={() => { pressMore(); setWhole(true); }}>Show all {ids.length}</Button>}
      {isForgetting && (
        <Dialog title="Forget your orders on this device?" onClose={() => { setForgetting(false); }}>
          <p>They are still made. You can only come back to them with their addresses.</p>
          <div className="dialog-actions">
            <Button onClick={() => { setForgetting(false); }}>Keep them</Button>
            <Button look="danger" onClick={() => { forgetOrders(); setIds([]); }}>Forget them</Button>
          </div>
        </Dialog>
      )}
    </section>
  );
}

interface KnownProps extends Props {
  readonly id: string;
  readonly onGone: (id: string) => void;
}

function KnownOrder({ id, onAgain, onGone }: KnownProps) {
  const { order, problem } = useLive(`order/${id}`);
  const isGone = problem?.is("/problems/order-not-found", "/problems/order-erased", "/problems/not-found") ?? false;
  useEffect(() => {
    if (isGone) onGone(id); // it was deleted, as old orders are, or its customer is to be forgotten
  }, [isGone, id, onGone]);
  if (isGone) return null;
  return (
    <li className={`card known-order${order?.state === "shipped" ? " known-order-ready" : ""}`}>
      <div className="known-order-picture">{order && <Cupcake flavour={order.lines[0]?.flavour ?? "vanilla"} size="M" />}</div>
      <Link to="/orders/$id" params={{ id }} className="known-order-words">
        {order ? <><b className="code" translate="no">{order.pickupCode}</b> <span>{headline(order)}</span></> : <span className="soft">{problem ? "We cannot tell how it is at the moment" : "One moment …"}</span>}
      </Link>
      {order && onAgain && <Button look="quiet" aria-label={`Order again: ${order.pickupCode}`} onClick={() => { onAgain(order); }}>Order again</Button>}
    </li>
  );
}

import { getRouteApi } from "@tanstack/react-router";
import type { CounterOrder } from "../../api/schema.gen";
import { Failure, Loading } from "../../design/feedback";
import { FullScreenButton, useWakeLock } from "../../design/screen";
import { useLive } from "../../live/hooks";
import { HandOut } from "../kitchen/HandOut";
import { StaffLayout } from "../StaffLayout";
import { WallLink } from "./WallLink";
import "./counter.css";

const route = getRouteApi("/counter");

/** For staff at the counter: what is to be handed out, and beside it what customers see on the wall. */
export function CounterScreen() {
  const { session } = route.useRouteContext();
  const { counter, problem } = useLive("counter");
  useWakeLock();
  return (
    <StaffLayout title="Counter" session={session} problem={problem} tools={<FullScreenButton />}>
      <h1 className="visually-hidden">Orders at the counter</h1>
      {counter ? (
        <div className="counter">
          <HandOut />
          <div className="stack">
            <Codes title="Ready to collect" look="ready" orders={counter.ready} empty="Nothing is waiting to be picked up." />
            <Codes title="In the making" look="preparing" orders={counter.preparing} empty="Nothing is being made." />
            {session.role === "manager" && <WallLink />}
          </div>
        </div>
      ) : problem ? (
        <Failure error={problem} />
      ) : (
        <Loading what="the orders" />
      )}
    </StaffLayout>
  );
}

interface CodesProps {
  readonly title: string;
  readonly look: "ready" | "preparing";
  readonly orders: readonly CounterOrder[];
  readonly empty: string;
}

function Codes({ title, look, orders, empty }: CodesProps) {
  return (
    <section className={`codes codes-${look}`} aria-label={title}>
      <h2>{title}</h2>
      {orders.length === 0 && <p>{empty}</p>}
      <ul aria-live={look === "ready" ? "polite" : "off"} aria-relevant="additions">
        {orders.map((order) => 
          <li key={`${order.pickupCode} ${order.since}`} translate="no">
            <span className="code">{order.pickupCode}</span>
            {order.name && <span className="counter-name one-line" dir="auto" title={order.name}>{order.name}</span>}
          </li>
        )}
      </ul>
    </section>
  );
}

import { useQuery } from "@tanstack/react-query";
import { getRouteApi, Link } from "@tanstack/react-router";
import { useRef, useState } from "react";
import { api } from "../../api/client";
import { textOf } from "../../api/problem";
import { standingQuery } from "../../api/queries";
import type { StandingOccurrence, StandingOrder } from "../../api/schema.gen";
import { Button } from "../../design/Button";
import { Dialog } from "../../design/Dialog";
import { Empty, Failure, Loading, Notice } from "../../design/feedback";
import { leaveRow } from "../../design/focus";
import { dayText } from "../../design/time";
import { useLive } from "../../live/hooks";
import { StaffLayout } from "../StaffLayout";
import { useFlavourNames } from "../useFlavourNames";
import { StandingForm } from "./StandingForm";
import { daysText } from "./standing";
import "./standing.css";

const route = getRouteApi("/standing");

/** Orders that come again every week, and what became of the last ones. */
export function StandingScreen() {
  const { session } = route.useRouteContext();
  const orders = useQuery(standingQuery);
  const { problem } = useLive("kitchen"); // says whether the page is up to date, and whether somebody is still signed in
  const isManager = session.role === "manager";
  const [taken, setTaken] = useState<StandingOrder | null>(null);
  // The list learns of a change some seconds later; this page knows at once.
  const shown = taken && orders.data && !orders.data.some(({ id }) => id === taken.id) ? [taken, ...orders.data] : orders.data;
  return (
    <StaffLayout title="Standing orders" session={session} problem={problem} width="narrow">
      <header className="page-head">
        <div>
          <h1>Standing orders</h1>
          <p className="lead">Each is placed a week before its day, with the prices of that moment.</p>
        </div>
      </header>
      {orders.error && <Failure error={orders.error} retry={() => void orders.refetch()} />}
      {!shown && !orders.error && <Loading what="the standing orders" />}
      {shown?.length === 0 && <Empty title="There are no standing orders"><p className="soft">A café that wants forty lemon every Monday would be one.</p></Empty>}
      <ul className="standing-list">
        {shown?.map((order) => <Standing key={order.id} order={order} isManager={isManager} onChanged={() => void orders.refetch()} />)}
      </ul>
      {isManager && <StandingForm onTaken={(order) => { setTaken(order); void orders.refetch(); }} />}
    </StaffLayout>
  );
}

interface StandingProps {
  readonly order: StandingOrder;
  readonly isManager: boolean;
  readonly onChanged: () => void;
}

function Standing({ order, isManager, onChanged }: StandingProps) {
  const nameOf = useFlavourNames();
  const [error, setError] = useState("");
  const [isEnding, setEnding] = useState(false);
  const [hasEnded, setEnded] = useState(false);
  const end = useRef<HTMLButtonElement>(null);
  const change = async (ask: () => Promise<void>) => {
    setError("");
    try {
      await ask();
      onChanged();
    } catch (failure) {
      setError(textOf(failure));
    }
  };
  if (hasEnded) return null;
  return (
    <li className="card stack">
      <div className="standing-head">
        <h2 className="wrap-anywhere" translate="no" dir="auto">{order.order.customer.name}</h2>
        {order.paused && <span className="badge badge-warn">Paused</span>}
      </div>
      <p><b>{daysText(order.days)} at {order.at}</b>{order.until && <span className="soft"> until {dayText(order.until)}</span>}</p>
      {order.order.phone && <p>Phone: <a href={`tel:${order.order.phone}`} className="numbers" translate="no">{order.order.phone}</a></p>}
      <ul className="standing-lines">
        {order.order.lines.map((line, i) => <li key={i}>{line.quantity} × {nameOf(line.flavour)} {line.size}{line.message && <> · “<span dir="auto">{line.message}</span>”</>}</li>)}
      </ul>
      <p className="soft small">{order.paused ? "No order is placed until it goes on." : order.next[0] ? `The next one to be placed is for ${dayText(order.next[0])}.` : "No more orders will be placed."}</p>
      {order.recent.length > 0 && (
        <ul className="standing-recent">
          {[...order.recent].reverse().map((recent) => <Occurrence key={recent.day} of={recent} />)}
        </ul>
      )}
      {error && <p className="field-error" role="alert">{error}</p>}
      {isManager && (
        <div className="row">
          {order.paused
            ? <Button aria-label={`Resume the standing order of ${order.order.customer.name}`} onClick={() => void change(() => api.pauseStanding(order.id, false))}>Resume</Button>
            : <Button aria-label={`Pause the standing order of ${order.order.customer.name}`} onClick={() => void change(() => api.pauseStanding(order.id, true))}>Pause</Button>}
          <Button ref={end} look="danger" aria-label={`End the standing order of ${order.order.customer.name}`} onClick={() => { setEnding(true); }}>End</Button>
        </div>
      )}
      {isEnding && (
        <Dialog title="End this standing order?" onClose={() => { setEnding(false); }}>
          <div className="stack">
            <p>No more orders are placed for {order.order.customer.name}. Those that are placed stay; cancel them one by one.</p>
            <div className="row">
              <Button look="danger" onClick={() => { setEnding(false); void change(async () => { await api.endStanding(order.id);
                if (end.current && document.activeElement === end.current) leaveRow(end.current);
                setEnded(true);
              }); }}>End it</Button>
              <Button onClick={() => { setEnding(false); }}>Keep it</Button>
            </div>
          </div>
        </Dialog>
      )}
    </li>
  );
}

function Occurrence({ of }: { readonly of: StandingOccurrence }) {
  return (
    <li>
      <span>{dayText(of.day)}</span>{" "}
      {of.orderId ? <Link to="/find/$id" params={{ id: of.orderId }}>Order placed</Link>
        : of.refused ? <Notice look="bad">Not placed: {of.refused}</Notice>
        : <span className="soft">{of.skipped ?? `Not placed yet: ${of.waits ?? ""}`}</span>}
    </li>
  );
}

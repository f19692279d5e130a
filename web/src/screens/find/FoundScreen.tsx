import { queryOptions, useQuery, useQueryClient } from "@tanstack/react-query";
import { getRouteApi, Link } from "@tanstack/react-router";
import { lazy, Suspense, useState } from "react";
import { api } from "../../api/client";
import { asProblem } from "../../api/problem";
import type { OrderExplanation, OrderStatus, OrderSummary } from "../../api/schema.gen";
import { Button } from "../../design/Button";
import { Empty, Failure, Loading, Notice } from "../../design/feedback";
import { dayAndTime } from "../../design/time";
import { useLive, useTime } from "../../live/hooks";
import { moneyText, totalText } from "../../prices";
import { stateText } from "../../states";
import { StaffLayout } from "../StaffLayout";
import { AmendDialog } from "../tracking/AmendDialog";
import { CancelDialog } from "../tracking/CancelDialog";
import { canCancel } from "../tracking/progress";
import { useFlavourNames } from "../useFlavourNames";
import { useRefetchOnChange } from "../useRefetchOnChange";
import { Labels } from "./Labels";
import { whenText } from "./when";
import "./find.css";

const route = getRouteApi("/find/$id");

const Forgotten = lazy(async () => ({ default: (await import("../history/Forgotten")).Forgotten }));

/** What an order waits for is told with how long, so it is asked again now and then. One that has ended waits for nothing. */
const explanationQuery = (id: string) => queryOptions({ queryKey: ["explanation", id], queryFn: ({ signal }) => api.explanation(id, signal), staleTime: 0, refetchInterval: ({ state: { data } }) => (data && hasEnded(data.order) ? false : 20_000) });

const hasEnded = ({ state }: OrderStatus) => state === "cancelled" || state === "shipped";

/** Everything about one order, and what can be done for its customer. */
export function FoundScreen() {
  const { session } = route.useRouteContext();
  const { id } = route.useParams();
  const { version, problem } = useLive(`order/${id}`);
  const { data, error, refetch } = useQuery(explanationQuery(id));
  useRefetchOnChange(version, refetch);
  return (
    <StaffLayout title={data ? `Order ${data.order.pickupCode}` : "An order"} session={session} problem={problem}>
      {data ? (
        <Order explained={data} />
      ) : error && asProblem(error).is("/problems/order-not-found", "/problems/order-erased") ? (
        session.role === "manager" && session.hasHistory ? <Suspense fallback={<Loading what="what the ledger remembers" />}><Forgotten id={id} unknown={<NoSuchOrder />} /></Suspense> : <NoSuchOrder />
      ) : error ? (
        <Failure error={error} retry={() => void refetch()} />
      ) : (
        <Loading what="the order" />
      )}
    </StaffLayout>
  );
}

function NoSuchOrder() {
  return <Empty isPage title="There is no such order"><Link to="/find" className="button button-primary">Find an order</Link></Empty>;
}

function Order({ explained }: { readonly explained: OrderExplanation }) {
  const { order, waiting, late, behind, temporalUrl } = explained;
  const [dialog, setDialog] = useState<"cancel" | "amend" | null>(null);
  const queryClient = useQueryClient();
  const close = () => {
    setDialog(null);
    void queryClient.invalidateQueries(explanationQuery(order.id));
  };
  const stateNow = useTime((now) => stateText({ state: order.state, pickup: pickupOf(explained, now) }));
  const total = totalText(order);
  return (
    <>
      <div className="stack find screen-only">
        <header className="page-head">
          <div>
            <h1><span className="code" translate="no">{order.pickupCode}</span> <span className="wrap-anywhere" dir="auto" translate="no">{order.customer.name}</span></h1>
            <p className="lead"><span className="badge">{stateNow}</span> {whenText(order)}{total && `. ${total}.`}</p>
            {order.phone && <p>Phone: <a href={`tel:${order.phone}`} className="numbers" translate="no">{order.phone}</a></p>}
          </div>
          <div className="row">
            <Button onClick={() => { print(); }}>Print labels</Button>
            {canCancel(order) && <Button onClick={() => { setDialog("amend"); }}>Change the order</Button>}
            {canCancel(order) && <Button look="danger" onClick={() => { setDialog("cancel"); }}>Cancel the order</Button>}
          </div>
        </header>
        {behind && <Notice look="warn">What the stations do may be out of date. It catches up by itself.</Notice>}
        {late ? <Notice look="bad"><strong>Late.</strong> {late.text}</Notice> : <Notice look={waiting.cause === "decision" ? "warn" : "info"}>{waiting.text}</Notice>}
        <div className="found-columns">
          <section className="card stack" aria-labelledby="happened">
            <h2 id="happened">What happened</h2>
            {explained.incomplete && <p className="soft">Its history is so long that the beginning is left out.</p>}
            <ol className="happened">
              {explained.happened.map(({ at, kind, text, stage }, i) => (
                <li key={i} data-kind={kind} data-stage={stage}><time dateTime={at} className="numbers soft">{dayAndTime(at)}</time> <span className="wrap-anywhere" dir="auto">{text}</span></li>
              ))}
            </ol>
          </section>
          <Contents explained={explained} />
        </div>
        <p className="row small">
          <Link to="/orders/$id" params={{ id: order.id }}>The customer&rsquo;s page</Link>
          {temporalUrl && <a href={temporalUrl} target="_blank" rel="noreferrer">Its workflow in Temporal</a>}
        </p>
      </div>
      <Labels explained={explained} />
      {dialog === "cancel" && <CancelDialog order={order} onClose={close} />}
      {dialog === "amend" && <AmendDialog order={order} onClose={close} isStaff />}
    </>
  );
}

function Contents({ explained: { order, boxes } }: { readonly explained: OrderExplanation }) {
  const nameOf = useFlavourNames();
  return (
    <section className="card stack" aria-labelledby="contents">
      <h2 id="contents">What is in it</h2>
      <ul className="stack">
        {order.lines.map(({ flavour, size, quantity, message }, i) => (
          <li key={i}>
            <b className="numbers">{quantity}</b> × {nameOf(flavour)} <span className="badge">{size}</span> {message && <q dir="auto" translate="no">{message}</q>}
            {order.total && order.unitPrices && <span className="soft"> {moneyText(order.total, (order.unitPrices[i] ?? 0) * quantity)}</span>}
          </li>
        ))}
      </ul>
      {order.allergies && order.allergies.length > 0 && <Notice look="warn"><strong>Allergy:</strong> {order.allergies.join(", ")}</Notice>}
      {order.notes && <p className="pre" dir="auto">{order.notes}</p>}
      <p className="soft">Boxes: {boxes.map(({ code }) => code).join(", ")}</p>
    </section>
  );
}

/** As long as this after it was packaged an order is waited for, and the server knows whether it was collected. */
const waitedForDay = 86_400_000;

function pickupOf({ order, happened, behind }: OrderExplanation, now: number): OrderSummary["pickup"] {
  if (happened.some(({ kind }) => kind === "collected")) return "collected";
  return !behind && order.shippedAt && now - Date.parse(order.shippedAt) < waitedForDay ? "ready" : undefined;
}

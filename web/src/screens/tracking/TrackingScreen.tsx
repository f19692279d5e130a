import { useQuery } from "@tanstack/react-query";
import { getRouteApi, Link, useNavigate } from "@tanstack/react-router";
import { useState } from "react";
import { menuQuery } from "../../api/queries";
import type { OrderStatus } from "../../api/schema.gen";
import { Button } from "../../design/Button";
import { ConnectionBadge, ConnectionBanner } from "../../design/Connection";
import { Cupcake } from "../../design/Cupcake";
import { Empty, Failure, Loading, Notice } from "../../design/feedback";
import { Layout } from "../../design/Layout";
import { stageWords } from "../../design/stages";
import { dateText, timeOfDay } from "../../design/time";
import { useLive } from "../../live/hooks";
import { moneyText, totalText } from "../../prices";
import { countText } from "../../text";
import { useFlavourNames } from "../useFlavourNames";
import { useReasonLabels } from "../useReasonLabels";
import { orderAgain } from "../home/again";
import { keepDraft, loadDraft } from "../order/draft";
import { AmendDialog } from "./AmendDialog";
import { CancelDialog } from "./CancelDialog";
import { canAmend, canCancel, expectedText, headline, mishaps, stepsOf } from "./progress";
import { ShareDialog } from "./ShareDialog";
import { Steps } from "./Steps";
import { TellMe } from "./TellMe";
import "./tracking.css";

const route = getRouteApi("/orders/$id");

export function TrackingScreen() {
  const { id } = route.useParams();
  const { order, problem } = useLive(`order/${id}`);
  return (
    // The title has the pickup code and not the id, because titles are shown in histories and to others.
    <Layout title={order ? `${order.state === "shipped" ? "Ready:" : "Order"} ${order.pickupCode}` : "Your order"} width="narrow" banner={<ConnectionBanner />} nav={<Link to="/">Order</Link>} tools={<ConnectionBadge />}>
      {order ? (
        <Tracking order={order} />
      ) : problem?.is("/problems/order-not-found", "/problems/order-erased", "/problems/not-found") ? (
        <Empty isPage title="There is no such order">
          <p>The address may be incomplete, or the order was deleted, as old ones are.</p>
          <Link to="/" className="button button-primary">Order cupcakes</Link>
        </Empty>
      ) : problem ? (
        <div className="stack">
          <h1>Your order</h1>
          <Failure error={problem} />
          <p className="soft">Your order is safe. This page will show it as soon as it can.</p>
        </div>
      ) : (
        <Loading what="your order" />
      )}
    </Layout>
  );
}

function Tracking({ order }: { readonly order: OrderStatus }) {
  const labelOf = useReasonLabels();
  const [dialog, setDialog] = useState<"cancel" | "amend" | "share" | null>(null);
  const close = () => { setDialog(null); };
  return (
    <div className="stack tracking">
      <header className={`card tracking-head tracking-${order.state}`}>
        <div className="tracking-words">
          <p className="tracking-code">Pickup code <span className="code" translate="no">{order.pickupCode}</span></p>
          <h1 aria-live="polite">{headline(order)}</h1>
          <When order={order} />
          <TellMe order={order} />
        </div>
        <div className="tracking-picture">
          <Cupcake flavour={order.lines[0]?.flavour ?? "vanilla"} size={order.lines[0]?.size ?? "M"} message={order.lines[0]?.message} />
        </div>
      </header>
      <Notices order={order} />
      <section className="card" aria-labelledby="progress">
        <h2 id="progress">Order progress</h2>
        <Steps steps={stepsOf(order)} isOpen={order.state !== "shipped" && order.state !== "cancelled"} labelOf={labelOf} />
        <Mishaps order={order} labelOf={labelOf} />
      </section>
      <Ordered order={order} />
      <div className="row">
        <Button onClick={() => { setDialog("share"); }}>Share or open elsewhere</Button>
        <Again order={order} />
        {canAmend(order) && <Button onClick={() => { setDialog("amend"); }}>Change message or notes</Button>}
        {canCancel(order) && <Button look="danger" onClick={() => { setDialog("cancel"); }}>Cancel the order</Button>}
      </div>
      <p className="soft small">Save this page&rsquo;s address so that you can come back, and keep it to yourself: anyone who has it can see, change and cancel the order.</p>
      {dialog === "cancel" && <CancelDialog order={order} onClose={close} />}
      {dialog === "amend" && <AmendDialog order={order} onClose={close} />}
      {dialog === "share" && <ShareDialog id={order.id} code={order.pickupCode} onClose={close} />}
    </div>
  );
}

/** Fills the basket from the order. */
function Again({ order }: { readonly order: OrderStatus }) {
  const { data: menu } = useQuery(menuQuery);
  const live = useLive("menu").menu;
  const navigate = useNavigate();
  if (!menu) return null;
  const again = () => {
    keepDraft(orderAgain(loadDraft(), order, live ? { ...menu, soldOut: live.soldOut } : menu));
    void navigate({ to: "/" });
  };
  return <Button onClick={again}>Order again</Button>;
}

/** When it was or may be ready. */
function When({ order }: { readonly order: OrderStatus }) {
  if (order.state === "shipped") return <p className="lead">Packaged at {timeOfDay(order.shippedAt ?? order.placedAt)}. Give your pickup code at the counter{order.total ? ` and pay ${moneyText(order.total, order.total.amount)} there` : ""}.</p>;
  if (order.state === "cancelled") return <p className="lead">At {timeOfDay(order.cancelledAt ?? order.placedAt)}{order.cancelReason ? <>: <span className="wrap-anywhere">{order.cancelReason}</span></> : ""}.</p>;
  if (order.state === "cancelling") return <p className="lead">What was made is being put away, the last stage first.</p>;
  if (order.state === "needs-attention") return <p className="lead">It will continue as soon as a manager has decided how.</p>;
  if (order.state === "scheduled") return <p className="lead">We begin in time, so that they are fresh. You do not need to do anything until then.</p>;
  return <p className="lead">{expectedText(order)}</p>;
}

function Notices({ order }: { readonly order: OrderStatus }) {
  return (
    <>
      {order.stale && <Notice look="warn">The kitchen&rsquo;s computer is not answering at the moment. This is what was recorded last; the page will catch up by itself.</Notice>}
      {order.attention && (
        <Notice look="warn">
          <strong>Something went wrong, and a manager has been asked.</strong> You do not need to do anything.
        </Notice>
      )}
      {order.remakes > 0 && order.state !== "cancelled" && (
        <Notice look="info">
          <strong>{order.state === "shipped" ? "We baked you a fresh batch." : "We’re baking you a fresh batch."}</strong> {order.remakes === 1 ? "The first cupcakes" : `The first ${order.remakes} batches`} did not turn out as they should.
        </Notice>
      )}
    </>
  );
}

function Mishaps({ order, labelOf }: { readonly order: OrderStatus; readonly labelOf: (reason: string) => string }) {
  const all = mishaps(order);
  if (all.length === 0) return null;
  return (
    <details className="tracking-mishaps">
      <summary>What went wrong ({all.length})</summary>
      <ul>
        {all.map((row) => (
          <li key={`${row.stage}.${row.pass}`} className="wrap-anywhere">
            {row.failedAt && <>{timeOfDay(row.failedAt)}: </>}{stageWords[row.stage].name}: {row.reason ? labelOf(row.reason) : "failed"}{row.note ? ` (${row.note})` : ""}{row.scrapped ? `, ${countText(row.scrapped, "piece")} scrapped` : ""}
          </li>
        ))}
      </ul>
    </details>
  );
}

function Ordered({ order }: { readonly order: OrderStatus }) {
  const { data: menu } = useQuery(menuQuery);
  const name = useFlavourNames();
  const label = (code: string) => menu?.sizes.find((size) => size.code === code)?.label.toLowerCase() ?? code;
  return (
    <section className="card stack" aria-labelledby="ordered">
      <h2 id="ordered">What you ordered</h2>
      <ul className="tracking-lines">
        {order.lines.map((line, i) => (
          <li key={i}>
            <div className="tracking-thumb"><Cupcake flavour={line.flavour} size={line.size} /></div>
            <div>
              <b className="numbers">{line.quantity}</b> × <span className="wrap-anywhere">{name(line.flavour)}</span>, {label(line.size)}
              {order.total && order.unitPrices?.[i] !== undefined && <div className="soft small numbers">{moneyText(order.total, order.unitPrices[i])} each, {moneyText(order.total, order.unitPrices[i] * line.quantity)}</div>}
              {line.message && <div className="soft">“<span dir="auto" className="wrap-anywhere" translate="no">{line.message}</span>”</div>}
            </div>
          </li>
        ))}
      </ul>
      <dl className="tracking-facts">
        {order.total && <div><dt>Total</dt><dd><b className="numbers">{totalText(order)}</b></dd></div>}
        <div><dt>For</dt><dd className="wrap-anywhere" dir="auto" translate="no">{order.customer.name}</dd></div>
        {order.allergies && order.allergies.length > 0 && <div><dt>Allergies</dt><dd className="wrap-anywhere">{order.allergies.join(", ")}</dd></div>}
        {order.notes && <div><dt>Notes</dt><dd className="pre" dir="auto">{order.notes}</dd></div>}
        <div><dt>Ordered</dt><dd>{dateText(order.placedAt)}</dd></div>
      </dl>
    </section>
  );
}

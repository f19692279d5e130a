import { queryOptions, useQuery } from "@tanstack/react-query";
import { getRouteApi } from "@tanstack/react-router";
import { useCallback, useState } from "react";
import { api } from "../../api/client";
import { Problem } from "../../api/problem";
import type { OrderStatus, OrderSummary, Resolution } from "../../api/schema.gen";
import { Button } from "../../design/Button";
import { Empty, Failure, Loading, Notice } from "../../design/feedback";
import { Field } from "../../design/Field";
import { StageBadge } from "../../design/stages";
import { spanText, timeOfDay } from "../../design/time";
import { useLive, useTime } from "../../live/hooks";
import { countText } from "../../text";
import { StaffLayout } from "../StaffLayout";
import { StationAlarms } from "../StationAlarms";
import { useReasonLabels } from "../useReasonLabels";
import { useRefetchOnChange } from "../useRefetchOnChange";
import { useUpdate } from "../useUpdate";
import { GroupCard } from "./GroupCard";
import { itemsOf, type AskingOrder } from "./groups";
import { RunNotice } from "./RunNotice";
import { choiceWords, consequence, story } from "./story";
import { isOver, useDecidingTogether } from "./useDecidingTogether";
import "./attention.css";

const route = getRouteApi("/attention");

/** A connection follows at most 16 channels; the kitchen's is one of them, and each order that stands alone is another. */
const aloneAtOnce = 14;

const openQuestions = queryOptions({
  queryKey: ["attention"],
  queryFn: async ({ signal }) => {
    // An order that is being cancelled may need a decision as well.
    const [asking, cancelling] = await Promise.all([api.orders("needs-attention", signal), api.orders("cancelling", signal)]);
    const oldestFirst = (orders: readonly OrderSummary[]) => orders.toReversed();
    return [...oldestFirst(asking.orders), ...oldestFirst(cancelling.orders)];
  },
  staleTime: 0,
});

export function AttentionScreen() {
  const { session } = route.useRouteContext();
  const { kitchen, version, problem } = useLive("kitchen");
  const questions = useQuery(openQuestions);
  useRefetchOnChange(version, questions.refetch);
  const orders = questions.data;
  const waiting = kitchen?.orders?.needsAttention;
  // It stays after its question is closed: whoever decided second must learn that it did not count.
  const [refusal, setRefusal] = useState<string | null>(null);
  return (
    <StaffLayout title="Attention" session={session} problem={problem} width="narrow">
      <header className="page-head">
        <div>
          <h1>Attention desk</h1>
          <p className="lead">Orders that cannot continue by themselves. The first manager&rsquo;s decision counts.</p>
        </div>
        {waiting !== undefined && <span className={`badge ${waiting > 0 ? "badge-bad" : "badge-good"} numbers`}>{waiting} waiting</span>}
      </header>
      <StationAlarms stages={kitchen?.stages ?? []} />
      {refusal && (
        <Notice look="bad" urgent className="refusal">
          <p className="wrap-anywhere">{refusal}</p>
          <Button look="bare" onClick={() => { setRefusal(null); }}>Understood</Button>
        </Notice>
      )}
      {questions.error && <Failure error={questions.error} retry={() => void questions.refetch()} />}
      {!orders && !questions.error && <Loading what="what needs a decision" />}
      {orders && <Questions orders={orders} onRefused={setRefusal} />}
    </StaffLayout>
  );
}

function Questions({ orders, onRefused }: { readonly orders: readonly OrderSummary[]; readonly onRefused: (text: string) => void }) {
  const labelOf = useReasonLabels();
  const [alone, setAlone] = useState<ReadonlySet<string>>(new Set());
  const { run, decide, isSettled, close } = useDecidingTogether();
  const open = orders.filter((order) => !isSettled(order));
  const items = itemsOf(open, alone);
  const standingAlone = items.flatMap(({ order }) => order ?? []);
  const later = new Set(standingAlone.slice(aloneAtOnce));
  return (
    <>
      {run && <RunNotice run={run} onClose={close} />}
      {!open.some((order) => order.state === "needs-attention") && <Empty title="Nothing to decide"><p>When an order needs you, it will appear here by itself.</p></Empty>}
      <ul className="stack">
        {items.map(({ group, order }) => {
          if (!group) return !later.has(order) && <Question key={order.id} id={order.id} onRefused={onRefused} />;
          return (
            <li key={group.key}>
              <GroupCard
                group={group}
                labelOf={labelOf}
                busy={run !== null && !isOver(run)}
                onDecide={(chosen, body) => void decide(chosen, body)}
                onDecideAlone={(each: AskingOrder) => { setAlone((before) => new Set([...before, each.id])); }}
              />
            </li>
          );
        })}
      </ul>
      {later.size > 0 && <p className="soft">And {later.size} more, which will appear as these are decided.</p>}
    </>
  );
}

/** One order's question; nothing once it is answered. */
function Question({ id, onRefused }: { readonly id: string; readonly onRefused: (text: string) => void }) {
  const { order, problem } = useLive(`order/${id}`);
  if (!order) return problem ? <li><Failure error={problem} /></li> : null;
  return order.attention ? <li><Decision order={order} attention={order.attention} onRefused={onRefused} /></li> : null;
}

interface DecisionProps {
  readonly order: OrderStatus;
  readonly attention: NonNullable<OrderStatus["attention"]>;
  readonly onRefused: (text: string) => void;
}

function Decision({ order, attention, onRefused }: DecisionProps) {
  const waited = useTime((now) => spanText(now - Date.parse(attention.since)));
  const labelOf = useReasonLabels();
  const [note, setNote] = useState("");
  const resolve = useCallback(async (body: Resolution, key: string) => {
    try {
      await api.resolve(order.id, body, key);
    } catch (error) {
      if (error instanceof Problem && !error.isUncertain) onRefused(`${order.pickupCode}, ${choiceWords[body.choice].one.toLowerCase()}: ${error.message}`);
      throw error;
    }
  }, [order.id, order.pickupCode, onRefused]);
  const { busy, problem, send } = useUpdate(resolve);
  const decide = (choice: Resolution["choice"]) => send({ choice, ...(note.trim() && { note: note.trim() }) });
  const pieces = order.lines.reduce((sum, line) => sum + line.quantity, 0);
  return (
    <article className="card stack question" aria-label={`Order ${order.pickupCode}`}>
      <header className="row question-head">
        <span className="code question-code" translate="no">{order.pickupCode}</span>
        <StageBadge stage={attention.stage} />
        {attention.undoing && <span className="badge badge-bad">while undoing</span>}
        <span className="badge badge-bad numbers">for {waited}</span>
      </header>
      <p className="question-reason wrap-anywhere">{attention.reason}</p>
      <p className="soft wrap-anywhere">{countText(pieces, "piece")} for <span dir="auto" translate="no">{order.customer.name}</span>, ordered at {timeOfDay(order.placedAt)}{order.remakes > 0 ? `, remade ${order.remakes === 1 ? "once" : `${order.remakes} times`}` : ""}{order.scrapped > 0 ? `, ${countText(order.scrapped, "piece")} scrapped so far` : ""}.</p>
      <details>
        <summary>What happened</summary>
        <ol className="story">{story(order, labelOf).map((line, i) => <li key={i} className="wrap-anywhere">{line}</li>)}</ol>
      </details>
      <Field label="Note" hint="Optional; your colleagues can read it, and the customer if you cancel">
        {(wiring) => <input {...wiring} className="input" maxLength={500} value={note} onChange={(event) => { setNote(event.target.value); }} />}
      </Field>
      {problem?.isUncertain && <Notice look="bad" urgent>{problem.message}</Notice>}
      <ul className="question-choices">
        {attention.choices.map((choice) => (
          <li key={choice}>
            <Button look={choice === "cancel" ? "danger" : "primary"} big off={busy} onClick={() => void decide(choice)}>{choiceWords[choice].one}</Button>
            <span className="small soft">{consequence(choice, attention)}</span>
          </li>
        ))}
      </ul>
    </article>
  );
}

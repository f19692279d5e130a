import { useState } from "react";
import type { Choice, Pace, Resolution } from "../../api/schema.gen";
import { Button } from "../../design/Button";
import { Dialog } from "../../design/Dialog";
import { Field } from "../../design/Field";
import { leaveRow } from "../../design/focus";
import { StageBadge } from "../../design/stages";
import { spanText } from "../../design/time";
import { useTime } from "../../live/hooks";
import { countText } from "../../text";
import { CostList } from "./CostList";
import type { AskingOrder, Group } from "./groups";
import { choiceWords, consequence, kindText } from "./story";

interface Props {
  readonly group: Group;
  readonly labelOf: (reason: string) => string;
  readonly pace: Pace | undefined;
  /** Another decision is under way. */
  readonly busy: boolean;
  readonly onDecide: (orders: readonly AskingOrder[], body: Resolution) => void;
  /** Takes an order out of the group. */
  readonly onDecideAlone: (order: AskingOrder) => void;
}

/** Questions of one kind, decided together. */
export function GroupCard({ group, labelOf, pace, busy, onDecide, onDecideAlone }: Props) {
  const { question, orders, choices } = group;
  const [note, setNote] = useState("");
  const [choice, setChoice] = useState<Choice | null>(null);
  const many = countText(orders.length, "order");
  const kind = kindText(question, labelOf);
  return (
    <article className="card stack question" aria-label={`${many}: ${kind}`}>
      <header className="row question-head">
        <span className="question-count numbers">{many}</span>
        <StageBadge stage={question.stage} />
        {question.undoing && <span className="badge badge-bad">while clearing away</span>}
      </header>
      <p className="question-reason wrap-anywhere">{kind}</p>
      {/* Many orders scroll, by keyboard too. */}
      {/* eslint-disable-next-line jsx-a11y/no-noninteractive-tabindex */}
      <div className="question-orders" role="group" aria-label="The orders" tabIndex={0}>
        <ul>
          {orders.map((order) => <OrderRow key={order.id} order={order} onDecideAlone={onDecideAlone} />)}
        </ul>
      </div>
      <Field label="Note" hint="Optional, for all of these orders; your colleagues can read it, and the customers if you cancel">
        {(wiring) => <input {...wiring} className="input" maxLength={500} value={note} onChange={(event) => { setNote(event.target.value); }} />}
      </Field>
      <ul className="question-choices">
        {choices.map((each) => (
          <li key={each}>
            <Button look={each === "cancel" ? "danger" : "primary"} big off={busy} onClick={() => { setChoice(each); }}>{choiceWords[each].many(many)} …</Button>
            <span className="small soft">For each: {consequence(each, question)}</span>
            <CostList choice={each} orders={orders} pace={pace} />
          </li>
        ))}
      </ul>
      {choice && (
        <Dialog title={`${choiceWords[choice].many(many)}?`} onClose={() => { setChoice(null); }}>
          <p>For each: {consequence(choice, question)}</p>
          <CostList choice={choice} orders={orders} pace={pace} />
          <p className="code question-codes" translate="no">{orders.map((order) => order.pickupCode).join(" ")}</p>
          <div className="dialog-actions">
            <Button onClick={() => { setChoice(null); }}>Back</Button>
            <Button
              look={choice === "cancel" ? "danger" : "primary"}
              off={busy}
              onClick={() => {
                setChoice(null);
                onDecide(orders, { choice, ...(note.trim() && { note: note.trim() }) });
              }}
            >
              {choiceWords[choice].many(many)}
            </Button>
          </div>
        </Dialog>
      )}
    </article>
  );
}

function OrderRow({ order, onDecideAlone }: { readonly order: AskingOrder; readonly onDecideAlone: (order: AskingOrder) => void }) {
  const waited = useTime((now) => spanText(now - Date.parse(order.attention.since)));
  return (
    <li className="question-order">
      <span className="code" translate="no">{order.pickupCode}</span>
      <span className="soft small"><span className="wrap-anywhere" dir="auto" translate="no">{order.customer.name}</span>, for {waited}</span>
      <Button look="bare" aria-label={`Decide alone: ${order.pickupCode}`} onClick={(event) => { leaveRow(event.currentTarget); onDecideAlone(order); }}>Decide alone</Button>
    </li>
  );
}

import { useQuery } from "@tanstack/react-query";
import { useCallback, useState, type SyntheticEvent } from "react";
import { api } from "../../api/client";
import { menuQuery } from "../../api/queries";
import type { Amendment, OrderStatus } from "../../api/schema.gen";
import { Button } from "../../design/Button";
import { Dialog } from "../../design/Dialog";
import { Failure } from "../../design/feedback";
import { Field } from "../../design/Field";
import { cleanText } from "../../text";
import { useUpdate } from "../useUpdate";
import { canAmend } from "./progress";

/** The difference from the order, or null if there is none. Only staff know a phone number, and change it. */
export function amendmentOf(order: OrderStatus, notes: string, messages: readonly string[], phone = order.phone ?? ""): Amendment | null {
  const changed = order.lines.flatMap((line, i) => ((line.message ?? "") === cleanText(messages[i] ?? "") ? [] : [{ line: i, message: cleanText(messages[i] ?? "") }]));
  const newNotes = cleanText(notes);
  const otherNotes = newNotes !== (order.notes ?? "");
  const otherPhone = phone.trim() !== (order.phone ?? "");
  if (changed.length === 0 && !otherNotes && !otherPhone) return null;
  return { ...(otherNotes && { notes: newNotes }), ...(changed.length > 0 && { messages: changed }), ...(otherPhone && { phone: phone.trim() }) };
}

interface Props {
  readonly order: OrderStatus;
  readonly onClose: () => void;
  /** A member of the staff changes it, and the phone number too. */
  readonly isStaff?: boolean;
}

export function AmendDialog({ order, onClose, isStaff = false }: Props) {
  const { data: menu } = useQuery(menuQuery);
  const [notes, setNotes] = useState(order.notes ?? "");
  const [messages, setMessages] = useState(order.lines.map((line) => line.message ?? ""));
  const [phone, setPhone] = useState(order.phone ?? "");
  const areTextsOpen = canAmend(order);
  const { busy, problem, send } = useUpdate(useCallback((body: Amendment, key: string) => api.amend(order.id, body, key), [order.id]));
  const amendment = amendmentOf(order, notes, messages, phone);
  const [sent, setSent] = useState<Amendment | null>(null);
  const submit = async (event: SyntheticEvent) => {
    event.preventDefault();
    setSent(amendment);
    if (!amendment || (await send(amendment))) onClose();
  };
  // The server names a message by its index among those that were sent. A message that was changed since has no fault.
  const faultOf = (line: number) => {
    const index = sent?.messages?.findIndex((each) => each.line === line && each.message === cleanText(messages[line] ?? "")) ?? -1;
    return problem?.errors.find((fault) => index >= 0 && (fault.pointer ?? "").startsWith(`/messages/${index}/`))?.detail;
  };
  return (
    <Dialog title={isStaff ? "Change the order" : "Change message or notes"} onClose={onClose}>
      <form className="stack" onSubmit={(event) => void submit(event)} noValidate>
        {areTextsOpen && (
          <>
            <p className="soft">Changes apply to what is not decorated yet.{order.total && " If a message costs extra, your total changes with it."}</p>
            {order.lines.map((line, i) => (
              <Field key={i} label={`Message on ${line.quantity} × ${menu?.flavours.find((flavour) => flavour.code === line.flavour)?.name ?? line.flavour}`} error={faultOf(i)}>
                {(wiring) => (
                  <input {...wiring} className="input" dir="auto" value={messages[i] ?? ""} onChange={(event) => { setMessages(messages.with(i, event.target.value)); }} />
                )}
              </Field>
            ))}
            <Field label="Notes" error={sent?.notes === cleanText(notes) ? problem?.errors.find((fault) => fault.pointer === "/notes")?.detail : undefined}>
              {(wiring) => <textarea {...wiring} className="input" dir="auto" value={notes} onChange={(event) => { setNotes(event.target.value); }} />}
            </Field>
          </>
        )}
        {isStaff && (
          <Field label="Phone (optional)" hint="Only staff see it." error={sent?.phone === phone.trim() ? problem?.errors.find((fault) => fault.pointer === "/phone")?.detail : undefined}>
            {(wiring) => <input {...wiring} className="input" type="tel" autoComplete="off" value={phone} onChange={(event) => { setPhone(event.target.value); }} />}
          </Field>
        )}
        {problem?.errors.length === 0 && <Failure error={problem} />}
        <div className="dialog-actions">
          <Button onClick={onClose}>Back</Button>
          <Button look="primary" type="submit" off={busy || !amendment}>{busy ? "Saving …" : "Save changes"}</Button>
        </div>
      </form>
    </Dialog>
  );
}

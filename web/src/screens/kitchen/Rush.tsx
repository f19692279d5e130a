import { useState } from "react";
import { api } from "../../api/client";
import { textOf } from "../../api/problem";
import type { BoardTicket } from "../../api/schema.gen";
import { Button } from "../../design/Button";
import { Dialog } from "../../design/Dialog";
import { Field } from "../../design/Field";

interface Props {
  readonly ticket: BoardTicket;
}

/** That a ticket's order goes before others, why, and the button that ends that. */
export function Rush({ ticket }: Props) {
  if (!ticket.rush) return null;
  const { by, reason } = ticket.rush;
  return (
    <p className="ticket-rush">
      <span className="badge badge-bad">Rush</span> <span className="wrap-anywhere" dir="auto">{reason}</span> <span className="soft small">(<span translate="no">{by}</span>)</span>
      <RushEnd ticket={ticket} />
    </p>
  );
}

/** Lets a ticket's order go before others. */
export function RushButton({ ticket }: Props) {
  const [isOpen, setOpen] = useState(false);
  return (
    <>
      <Button look="bare" className="ticket-rush-button" aria-label={`Rush ${ticket.pickupCode}`} onClick={() => { setOpen(true); }}>Rush …</Button>
      {isOpen && <RushDialog ticket={ticket} onClose={() => { setOpen(false); }} />}
    </>
  );
}

/** A ticket's id begins with its order's. */
const orderOf = (ticket: BoardTicket) => ticket.ticketId.split(".")[0] ?? "";

function RushEnd({ ticket }: { readonly ticket: BoardTicket }) {
  const [error, setError] = useState("");
  const end = async () => {
    setError("");
    try {
      await api.rush(orderOf(ticket), null);
    } catch (failure) {
      setError(textOf(failure));
    }
  };
  return (
    <>
      <Button look="bare" aria-label={`No rush for ${ticket.pickupCode}`} onClick={() => void end()}>No rush</Button>
      {error && <span className="field-error" role="alert">{error}</span>}
    </>
  );
}

function RushDialog({ ticket, onClose }: { readonly ticket: BoardTicket; readonly onClose: () => void }) {
  const [reason, setReason] = useState("");
  const [error, setError] = useState("");
  const [busy, setBusy] = useState(false);
  const begin = async () => {
    if (!reason.trim()) {
      setError("Say why: whoever has to wait wants to know.");
      return;
    }
    setBusy(true);
    try {
      await api.rush(orderOf(ticket), reason.trim());
      onClose();
    } catch (failure) {
      setBusy(false);
      setError(textOf(failure));
    }
  };
  return (
    <Dialog title={`Rush ${ticket.pickupCode}`} onClose={onClose}>
      <form className="stack" noValidate onSubmit={(event) => { event.preventDefault(); void begin(); }}>
        <Field label="Why" hint="Every board shows it, and lists the order first." error={error || undefined}>
          {(wiring) => <input {...wiring} className="input" maxLength={200} autoComplete="off" value={reason} onChange={(event) => { setReason(event.target.value); }} />}
        </Field>
        <div className="row">
          <Button look="primary" type="submit" off={busy}>Let it go first</Button>
          <Button onClick={onClose}>Back</Button>
        </div>
      </form>
    </Dialog>
  );
}

import { createContext, useContext, useEffect, useMemo, useRef, useState, type ReactNode, type RefObject } from "react";
import { api } from "../../api/client";
import { textOf } from "../../api/problem";
import type { BoardTicket } from "../../api/schema.gen";
import { Button } from "../../design/Button";
import { Dialog } from "../../design/Dialog";
import { Field } from "../../design/Field";

interface Props {
  readonly ticket: BoardTicket;
}

interface Desk {
  readonly ask: (ticket: BoardTicket) => void;
  /** The order whose next button gets the focus: the one that was pressed goes away. */
  readonly nextRef: RefObject<string | null>;
}

/** Without a desk around it a card only shows. */
const DeskContext = createContext<Desk>({ ask: () => undefined, nextRef: { current: null } });

const useDesk = () => useContext(DeskContext);

/** Asks why an order is in a rush. It outlives the ticket's card, which moves when somebody starts the ticket. */
export function RushDesk({ children }: { readonly children: ReactNode }) {
  const [ticket, setTicket] = useState<BoardTicket | null>(null);
  const nextRef = useRef<string | null>(null);
  const desk = useMemo<Desk>(() => ({ ask: setTicket, nextRef }), []);
  useEffect(() => {
    // The button may have come while the dialog was open.
    const place = ticket === null && nextRef.current !== null && document.querySelector(`[data-rush-of="${nextRef.current}"]`);
    if (place) giveFocus(place, nextRef);
  }, [ticket]);
  return (
    <DeskContext value={desk}>
      {children}
      {ticket && <RushDialog ticket={ticket} onClose={() => { setTicket(null); }} />}
    </DeskContext>
  );
}

/** Gives the focus to a button that takes the place of the one that was pressed. */
function useNextFocus(ticket: BoardTicket) {
  const { nextRef } = useDesk();
  const place = useRef<HTMLSpanElement>(null);
  const order = orderOf(ticket);
  useEffect(() => {
    if (nextRef.current === order && place.current) giveFocus(place.current, nextRef);
  }, [nextRef, order]);
  return place;
}

/** Gives the focus to a place's button unless somebody has gone elsewhere meanwhile. */
function giveFocus(place: Element, nextRef: RefObject<string | null>) {
  const active = document.activeElement;
  if (active !== null && active !== document.body) return;
  nextRef.current = null;
  place.querySelector("button")?.focus();
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
  const { ask } = useDesk();
  const place = useNextFocus(ticket);
  return <span ref={place} className="ticket-rush-place"><Button look="bare" className="ticket-rush-button" aria-label={`Rush ${ticket.pickupCode}`} onClick={() => { ask(ticket); }}>Rush …</Button></span>;
}

/** A ticket's id begins with its order's. */
const orderOf = (ticket: BoardTicket) => ticket.ticketId.split(".")[0] ?? "";

function RushEnd({ ticket }: Props) {
  const { nextRef } = useDesk();
  const place = useNextFocus(ticket);
  const [error, setError] = useState("");
  const end = async () => {
    setError("");
    nextRef.current = orderOf(ticket);
    try {
      await api.rush(orderOf(ticket), null);
    } catch (failure) {
      nextRef.current = null;
      setError(textOf(failure));
    }
  };
  return (
    <span ref={place} data-rush-of={orderOf(ticket)} className="ticket-rush-place">
      <Button look="bare" aria-label={`No rush for ${ticket.pickupCode}`} onClick={() => void end()}>No rush</Button>
      {error && <span className="field-error" role="alert">{error}</span>}
    </span>
  );
}

function RushDialog({ ticket, onClose }: { readonly ticket: BoardTicket; readonly onClose: () => void }) {
  const { nextRef } = useDesk();
  const [reason, setReason] = useState("");
  const [error, setError] = useState("");
  const [busy, setBusy] = useState(false);
  const begin = async () => {
    if (!reason.trim()) {
      setError("Say why: whoever has to wait wants to know.");
      return;
    }
    setBusy(true);
    nextRef.current = orderOf(ticket);
    try {
      await api.rush(orderOf(ticket), reason.trim());
      onClose();
    } catch (failure) {
      nextRef.current = null;
      setBusy(false);
      setError(textOf(failure));
    }
  };
  return (
    <Dialog title={`Rush ${ticket.pickupCode}`} onClose={onClose}>
      <form data-moves-focus className="stack" noValidate onSubmit={(event) => { event.preventDefault(); void begin(); }}>
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

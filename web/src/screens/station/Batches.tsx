import { useCallback, useEffect, useRef, useState, type ReactNode, type RefObject } from "react";
import { api } from "../../api/client";
import type { BoardTicket, Stage } from "../../api/schema.gen";
import { Button } from "../../design/Button";
import type { ToastMessage } from "../../design/Toast";
import { outcomeText, sayOfAll, ticketsOf, type FlavourBatch } from "./batches";
import { retractableFor, type PendingAck } from "./pendingAcks";

interface ButtonsProps {
  readonly flavour: string;
  readonly name: string;
  readonly batch: FlavourBatch;
  /** How many are being begun right now. */
  readonly starting: number | null;
  readonly onStart: (flavour: string, tickets: readonly BoardTicket[]) => void;
  readonly onFinish: (tickets: readonly BoardTicket[]) => void;
}

/** What can be done at once with the tickets of one flavour, beside its total. */
export function BatchButtons({ flavour, name, batch: { start, waiting, finish }, starting, onStart, onFinish }: ButtonsProps) {
  if (starting !== null) return <Button key="start" look="stage" className="batch-button" off>Starting {starting} …</Button>;
  const some = start.length < waiting ? `${start.length} of ${waiting}` : start.length;
  return (
    <>
      {start.length > 0 && (
        <Button key="start" look="stage" className="batch-button" data-batch={flavour} onClick={() => { onStart(flavour, start); }}>
          Start {some}<span className="visually-hidden"> tickets of {name} together</span>
        </Button>
      )}
      {finish.length > 0 && (
        <Button key="finish" className="batch-button" data-batch={flavour} onClick={() => { onFinish(finish); }}>
          Done with {finish.length}<span className="visually-hidden"> tickets of {name}</span>
        </Button>
      )}
    </>
  );
}

/** Tickets that somebody has begun together a moment ago. */
export interface Begun {
  readonly flavour: string;
  readonly tickets: readonly BoardTicket[];
}

/** Begins tickets together, and puts them back together while that can be a slip of the finger. */
export function useBatches(stage: Stage, names: (flavour: string) => string, notify: (message: ToastMessage) => void) {
  const [starting, setStarting] = useState<Begun | null>(null);
  const [begun, setBegun] = useState<Begun | null>(null);
  useEffect(() => {
    if (!begun) return undefined;
    const timer = setTimeout(() => { setBegun(null); }, retractableFor);
    return () => { clearTimeout(timer); };
  }, [begun]);

  const start = async (flavour: string, tickets: readonly BoardTicket[]) => {
    if (starting) return;
    setStarting({ flavour, tickets });
    setBegun(null);
    const { counted, refused } = await sayOfAll(tickets, ({ ticketId }) => api.ack(stage, ticketId, { kind: "started" }));
    setStarting(null);
    if (counted.length > 0) setBegun({ flavour, tickets: counted });
    if (counted.length === 0 || refused.length > 0) notify({ text: outcomeText(counted.length > 0 ? `${ticketsOf(counted.length, names(flavour))} ${counted.length === 1 ? "is" : "are"} yours.` : null, refused) });
  };
  const putBack = async () => {
    if (!begun) return;
    setBegun(null);
    const { refused } = await sayOfAll(begun.tickets, ({ ticketId }) => api.ack(stage, ticketId, { kind: "released" }));
    if (refused.length > 0) notify({ text: outcomeText(null, refused) });
  };
  return { starting, begun, forgetBegun: useCallback(() => { setBegun(null); }, []), start, putBack };
}

/** The buttons of a flavour's batches. */
export const ofFlavour = (flavour: string) => `[data-batch="${CSS.escape(flavour)}"]`;

/** Moves the focus to what comes in place of a button that goes because it was pressed. */
export function useFocusOfBatch(display: RefObject<HTMLElement | null>): (selector: string) => void {
  const wanted = useRef<string | null>(null);
  useEffect(() => {
    if (wanted.current === null || (document.activeElement && document.activeElement !== document.body)) return;
    const button = display.current?.querySelector<HTMLElement>(wanted.current);
    if (!button) return;
    button.focus({ preventScroll: true });
    wanted.current = null;
  });
  return (selector) => { wanted.current = selector; };
}

/** What was begun together, while it can be put back at once. */
export function BegunRow({ begun: { tickets }, name, onPutBack }: { readonly begun: Begun; readonly name: string; readonly onPutBack: () => void }) {
  return (
    <Together tickets={tickets} label={`Started ${ticketsOf(tickets.length, name)}`}>
      <p className="ticket-ending" role="status"><strong>{ticketsOf(tickets.length, name)} {tickets.length === 1 ? "is" : "are"} yours</strong></p>
      <Button big look="quiet" data-together className="ticket-retract" onClick={onPutBack}>
        Put back {tickets.length === 1 ? "" : `all ${tickets.length}`} <span className="ticket-fuse" aria-hidden="true" />
      </Button>
    </Together>
  );
}

/** What was reported of several tickets together, while the acks are pending. */
export function ReportedRow({ acks, tickets, name, onRetract }: { readonly acks: readonly PendingAck[]; readonly tickets: readonly BoardTicket[]; readonly name: string; readonly onRetract: () => void }) {
  const isRetractable = acks.every((each) => each.isRetractable);
  const isRetrying = acks.some((each) => each.isRetrying);
  return (
    <Together tickets={tickets} label={`Done with ${ticketsOf(tickets.length, name)}`}>
      <p className="ticket-ending" role="status"><strong>Done: {ticketsOf(tickets.length, name)}</strong> {isRetrying ? "Not confirmed yet; trying again." : isRetractable ? "" : "Sending …"}</p>
      {isRetractable && (
        <Button big data-main data-together look="quiet" onClick={onRetract} className="ticket-retract">
          Take back all {tickets.length} <span className="ticket-fuse" aria-hidden="true" />
        </Button>
      )}
    </Together>
  );
}

function Together({ tickets, label, children }: { readonly tickets: readonly BoardTicket[]; readonly label: string; readonly children: ReactNode }) {
  return (
    <li className="ticket-place">
      <article className="ticket" aria-label={label}>
        <span className="code soft wrap-anywhere" translate="no">{tickets.map((ticket) => ticket.pickupCode).join(" · ")}</span>
        <div className="ticket-actions">{children}</div>
      </article>
    </li>
  );
}

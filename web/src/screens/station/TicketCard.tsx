import { memo, useState } from "react";
import type { BoardRules, BoardTicket, Stage } from "../../api/schema.gen";
import { stagesShowingMessages } from "../../api/stages.gen";
import { AllergyFlag } from "../../design/AllergyFlag";
import { Button } from "../../design/Button";
import { Cupcake } from "../../design/Cupcake";
import { spanText, timeOfDay } from "../../design/time";
import { urgencyOf, urgencyWords, type Urgency } from "../../due";
import { useLiveConnection, useTime } from "../../live/hooks";
import { Stopwatch } from "../../live/Stopwatch";
import { moneyText } from "../../prices";
import { countText } from "../../text";
import { Rush, RushButton } from "../kitchen/Rush";
import { silenceOf, toScrap } from "./board";
import type { PendingAck } from "./pendingAcks";

export type Place = "waiting" | "mine" | "others" | "ended";

/** What can be done about a ticket. */
export interface Actions {
  readonly onStart: (ticket: BoardTicket) => void;
  readonly onTakeOver: (ticket: BoardTicket) => void;
  readonly onPutBack: (ticket: BoardTicket) => void;
  readonly onDone: (ticket: BoardTicket) => void;
  readonly onUndone: (ticket: BoardTicket, scrapped: number) => void;
  readonly onFailed: (ticket: BoardTicket) => void;
  readonly onFewerScrapped: (ticket: BoardTicket) => void;
  readonly onRetract: (ticket: BoardTicket) => void;
}

interface Props {
  readonly ticket: BoardTicket;
  readonly stage: Stage;
  readonly rules: BoardRules;
  readonly names: (flavour: string) => string;
  readonly labelOf: (reason: string) => string;
  readonly place: Place;
  readonly busy: boolean;
  /** The station is paused: nothing can be begun. */
  readonly isPaused: boolean;
  readonly pendingAck: PendingAck | undefined;
  readonly actions: Actions;
}

/** A ticket on a station's board, with what can be done about it. A board may have hundreds, so each is drawn again only when it changes. */
export const TicketCard = memo(function TicketCard(props: Props) {
  const { ticket, stage, rules, names, labelOf, place, pendingAck } = props;
  const isUndo = ticket.kind === "undo";
  const urgency = useTime((now) => urgencyOf(ticket, rules, now));
  const isFinishing = stagesShowingMessages.includes(stage);
  return (
    <li className="ticket-place">
      <article className={`ticket${isUndo ? " ticket-undo" : ""}${ticket.withdrawn ? " ticket-withdrawn" : ""}`} data-due={place === "ended" ? undefined : urgency} aria-label={`Ticket ${ticket.pickupCode}`}>
        <header className="ticket-head">
          <span className="ticket-code code" translate="no">{ticket.pickupCode}</span>
          {place === "mine" && ticket.startedAt && <span className="badge badge-stage">In hand <Stopwatch since={ticket.startedAt} /></span>}
          {place === "waiting" && ticket.state === "waiting" && !isUndo && !ticket.withdrawn && !ticket.rush && <RushButton ticket={ticket} />}
          {place !== "ended" && <Due urgency={urgency} ticket={ticket} />}
        </header>
        {place !== "ended" && !ticket.withdrawn && <Rush ticket={ticket} />}
        {isUndo && place !== "ended" && <p className="ticket-banner wrap-anywhere">Cancelled: <ToPutAway ticket={ticket} /></p>}
        {ticket.withdrawn && !isUndo && <p className="ticket-banner">Stop: this work was cancelled. A second ticket with this code says what to put away.</p>}
        {place !== "ended" && <AllergyFlag allergies={ticket.allergies} />}
        {place !== "ended" && ticket.customer && <p className="ticket-customer">For <b className="wrap-anywhere" dir="auto" translate="no">{ticket.customer.name}</b>{ticket.total && <>, to pay <b className="numbers">{moneyText(ticket.total, ticket.total.amount)}</b></>}</p>}
        <Lines ticket={ticket} names={names} place={place} showsMessages={place !== "ended" && isFinishing && !isUndo} />
        {place !== "ended" && ticket.boxes && ticket.boxes.length > 0 && (
          <p className="ticket-boxes">Boxes: {ticket.boxes.map(({ code, count }) => <b key={code} className="ticket-box">{count} × {code}</b>)} {!isUndo && <a href={`/find/${orderOf(ticket.ticketId)}`} target="_blank" rel="noreferrer">Labels<span className="visually-hidden"> of {ticket.pickupCode}, in another tab</span></a>}</p>
        )}
        {place !== "ended" && ticket.notes && (isFinishing ? <Notes text={ticket.notes} /> : <details className="ticket-more"><summary>Note</summary><Notes text={ticket.notes} /></details>)}
        <p className="ticket-badges">
          {ticket.pass > 1 && <span className="badge badge-warn">Remake {ticket.pass - 1}</span>}
          {ticket.lastFailure && <span className="badge badge-bad">Failed before: {labelOf(ticket.lastFailure.reason ?? "other")}{ticket.lastFailure.note ? `, ${ticket.lastFailure.note}` : ""}</span>}
          {place === "others" && <span className="badge badge-stage wrap-anywhere">In hand: <span translate="no">{ticket.by}</span></span>}
          {place === "waiting" && ticket.state === "failed" && <span className="badge badge-bad">Failed at {timeOfDay(ticket.endedAt ?? ticket.since)}{ticket.by ? `, ${ticket.by}` : ""}: waiting for another attempt or a decision</span>}
        </p>
        {pendingAck ? <JustEnded pendingAck={pendingAck} labelOf={labelOf} onRetract={() => { props.actions.onRetract(ticket); }} /> : <Buttons {...props} />}
      </article>
    </li>
  );
});

/** The order that a ticket belongs to. */
const orderOf = (ticketId: string) => ticketId.split(".")[0] ?? "";

/** As many lines as a card has room for among others. */
const linesShown = 4;

/** What to make, with what is piped onto it. A long order shows its first lines until somebody asks for the others. */
function Lines({ ticket: { lines, pickupCode, conflicts = [] }, names, place, showsMessages }: Pick<Props, "ticket" | "names" | "place"> & { readonly showsMessages: boolean }) {
  const [isWhole, setWhole] = useState(false);
  // Who has it in hand needs them all, and a button for one more line would take up the line's room.
  const isAll = isWhole || place === "mine" || lines.length <= linesShown + 1;
  const contained = new Map(place === "ended" ? [] : conflicts.map(({ flavour, allergens }) => [flavour, allergens]));
  // What meets an allergy is never folded away.
  const shown = lines.filter((line, i) => isAll || i < linesShown || contained.has(line.flavour));
  const more = lines.filter((line) => !shown.includes(line));
  return (
    <>
      <ul className="ticket-lines">
        {shown.map(({ flavour, size, quantity, message }, i) => (
          <li key={i}>
            {place !== "ended" && <Cupcake flavour={flavour} size="XL" />}
            <b className="numbers">{quantity}</b> <span className="ticket-flavour wrap-anywhere">{names(flavour)}</span> <span className="badge ticket-size">{size}</span>
            {contained.has(flavour) && (
              <strong className="ticket-conflict"><span aria-hidden="true">⚠</span> <span>Contains {contained.get(flavour)?.join(" and ")}: the customer is allergic</span></strong>
            )}
            {showsMessages && message && <q dir="auto" className="wrap-anywhere" translate="no">{message}</q>}
          </li>
        ))}
      </ul>
      {more.length > 0 && (
        <button type="button" className="ticket-more-lines" onClick={() => { setWhole(true); }}>
          + {more.length} more lines, {countText(more.reduce((sum, line) => sum + line.quantity, 0), "piece")}<span className="visually-hidden"> of {pickupCode}</span>
        </button>
      )}
    </>
  );
}

function Notes({ text }: { readonly text: string }) {
  // Long notes scroll, by keyboard too.
  // eslint-disable-next-line jsx-a11y/no-noninteractive-tabindex
  return <div className="ticket-notes pre" role="group" aria-label="Notes" tabIndex={0} dir="auto">{text}</div>;
}

/** What an undo ticket asks for. */
function ToPutAway({ ticket: { made, begunBy } }: { readonly ticket: BoardTicket }) {
  if (made) return "put away or scrap what was made";
  if (begunBy === undefined) return "nothing was made here";
  return <><span translate="no">{begunBy}</span> had begun, so there may be something to put away or scrap</>;
}

/** When the order is due, and once it is late, by how much; of a ticket that does not tell, how old it is. */
function Due({ urgency, ticket: { dueAt, since } }: { readonly urgency: Urgency; readonly ticket: BoardTicket }) {
  return (
    <span className="ticket-due numbers" data-due={urgency}>
      {urgencyWords[urgency] && <span className="ticket-due-word">{urgencyWords[urgency]}</span>}
      {dueAt === undefined ? <><span className="visually-hidden">Age</span> <Stopwatch since={since} /></>
        : urgency === "late" ? <><span className="visually-hidden">by</span> <Stopwatch since={dueAt} /></>
        : <><span className="visually-hidden">Due at</span> {timeOfDay(dueAt)}</>}
    </span>
  );
}

/** What the person has just said about the ticket, while the ack is pending. */
function JustEnded({ pendingAck, labelOf, onRetract }: { readonly pendingAck: PendingAck; readonly labelOf: (reason: string) => string; readonly onRetract: () => void }) {
  const { ack, isRetractable, isRetrying } = pendingAck;
  const words = { done: "Done", undone: "Cleared away", failed: "Failed", released: "Put back" }[ack.kind];
  return (
    <div className="ticket-actions">
      <p className="ticket-ending" role="status">
        <strong>{words}{ack.reason ? `: ${labelOf(ack.reason)}` : ""}</strong> {isRetrying ? "Not confirmed yet; trying again." : isRetractable ? "" : "Sending …"}
      </p>
      {isRetractable && (
        <Button big data-main look="quiet" onClick={onRetract} className="ticket-retract">
          Take back <span className="ticket-fuse" aria-hidden="true" />
        </Button>
      )}
    </div>
  );
}

/** What can be done about a ticket that somebody else has: nothing, until nobody has heard of them for too long. */
function Silence({ ticket, busy, actions }: Props) {
  const live = useLiveConnection();
  // A board that is out of date does not know who has been heard of.
  const silence = useTime((now) => {
    const span = live.isCurrent() ? silenceOf(ticket, now) : null;
    return span === null ? null : spanText(span);
  });
  if (silence === null) return null;
  const owner = <span className="wrap-anywhere" translate="no">{ticket.by}</span>;
  return (
    <>
      <p className="ticket-silence">{owner} has not been heard of for {silence}.</p>
      <div className="ticket-actions">
        <Button big data-main off={busy} onClick={() => { actions.onTakeOver(ticket); }}>{busy ? "Taking over …" : <span>Take over from {owner}</span>}</Button>
      </div>
    </>
  );
}

function Buttons(props: Props) {
  const { ticket, place, busy, isPaused, actions } = props;
  if (place === "ended") {
    return <p className="soft small">{ticket.state === "undone" ? "Cleared away" : "Done"} by <span className="wrap-anywhere" translate="no">{ticket.by}</span> at {timeOfDay(ticket.endedAt ?? ticket.since)}</p>;
  }
  if (ticket.state === "failed" || (ticket.withdrawn && ticket.kind === "make")) return null;
  if (place === "others") return <Silence {...props} />;
  const putBack = place === "mine" && <Button data-put-back onClick={() => { actions.onPutBack(ticket); }}>Put back</Button>;
  if (ticket.kind === "undo") {
    const pieces = toScrap(ticket);
    return (
      <div className="ticket-actions">
        <Button big data-main look="stage" onClick={() => { actions.onUndone(ticket, pieces); }}>{pieces > 0 ? `Cleared away, ${pieces} scrapped` : "Cleared away"}</Button>
        {pieces > 0 && <Button data-failed onClick={() => { actions.onFewerScrapped(ticket); }}>Fewer scrapped …</Button>}
        {putBack}
      </div>
    );
  }
  if (place === "waiting") {
    return (
      <div className="ticket-actions">
        <Button big data-main look="stage" off={busy || isPaused} onClick={() => { actions.onStart(ticket); }}>{isPaused ? "Paused" : busy ? "Starting …" : "Start"}</Button>
      </div>
    );
  }
  return (
    <div className="ticket-actions">
      <Button big data-main look="stage" onClick={() => { actions.onDone(ticket); }}>Done</Button>
      <Button data-failed look="danger" onClick={() => { actions.onFailed(ticket); }}>Failed …</Button>
      {putBack}
    </div>
  );
}

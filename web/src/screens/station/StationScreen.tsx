import { useQuery } from "@tanstack/react-query";
import { getRouteApi } from "@tanstack/react-router";
import { useCallback, useDeferredValue, useEffect, useMemo, useRef, useState, useSyncExternalStore, type ReactElement, type ReactNode, type RefObject } from "react";
import { api } from "../../api/client";
import { textOf } from "../../api/problem";
import { menuQuery } from "../../api/queries";
import type { Ack, Board, BoardRules, BoardTicket, Menu, Stage } from "../../api/schema.gen";
import { Empty, Failure, Loading } from "../../design/feedback";
import { FullScreenButton, useWakeLock } from "../../design/screen";
import { isStage, StageIcon, stages, stageWords } from "../../design/stages";
import { Toast, type ToastMessage } from "../../design/Toast";
import { urgencyOf } from "../../due";
import { useLive, useLiveConnection, useTime } from "../../live/hooks";
import { weightText } from "../../text";
import { KitchenButton } from "../kitchen/KitchenDialog";
import { PausedNotice } from "../kitchen/Paused";
import { NotFoundPage } from "../other/OtherPages";
import { StaffLayout } from "../StaffLayout";
import { useFlavourNames } from "../useFlavourNames";
import { useReasonLabels } from "../useReasonLabels";
import { BatchButtons, BegunRow, ofFlavour, ReportedRow, useBatches, useFocusOfBatch } from "./Batches";
import { batchesOf, type FlavourBatch } from "./batches";
import { allDay, columnsOf, gramsOf, newlyWaiting, type Columns } from "./board";
import { chime, isChimeOn, keepChime } from "./chime";
import { FailureDialog } from "./FailureDialog";
import { PendingAcks, type PendingAck, type RetractableAck } from "./pendingAcks";
import { Renewals } from "./renewals";
import { ScrappedDialog } from "./ScrappedDialog";
import { Seat } from "./Seat";
import { TicketCard, type Actions, type Place } from "./TicketCard";
import "./station.css";

const route = getRouteApi("/stations/$stage");

export function StationScreen() {
  const { stage } = route.useParams();
  return isStage(stage) ? <Station key={stage} stage={stage} /> : <NotFoundPage />;
}

function Station({ stage }: { readonly stage: Stage }) {
  const { session } = route.useRouteContext();
  useWakeLock();
  const { board, problem } = useLive(`station/${stage}`);
  const [sound, setSound] = useState(isChimeOn);
  const [message, setMessage] = useState<ToastMessage | null>(null);
  const closeToast = useCallback((closed: ToastMessage) => { setMessage((shown) => (shown === closed ? null : shown)); }, []);
  const soundTool = (
    <button
      type="button"
      className="icon-button"
      aria-pressed={sound}
      aria-label="Chime when a ticket arrives"
      title={sound ? "Chime is on" : "Chime is off"}
      onClick={() => {
        setSound(!sound);
        keepChime(!sound);
        if (!sound) chime();
      }}
    >
      <svg viewBox="0 0 24 24" fill="none" stroke="currentColor" strokeWidth="2" strokeLinecap="round" strokeLinejoin="round" aria-hidden="true" focusable="false">
        <path d="M6 16V11a6 6 0 0 1 12 0v5l1.500 2h-15zM10 21h4" />
        {!sound && <path d="M4 4l16 16" />}
      </svg>
    </button>
  );
  return (
    <StaffLayout title={stageWords[stage].name} session={session} problem={problem} tools={<><KitchenButton session={session} stage={stage} />{soundTool}</>} toast={<Toast message={message} onClose={closeToast} />}>
      <div data-stage={stage} className="station">
        {board ? <Display board={board} me={session.name} sound={sound} notify={setMessage} /> : problem ? <Failure error={problem} /> : <Loading what="the board" />}
      </div>
    </StaffLayout>
  );
}

type OpenDialog = { readonly about: "failure" | "scrapped"; readonly ticket: BoardTicket } | null;

/** How many tickets each list shows at first. A busy board has hundreds: the others follow in a moment. */
const shownFirst = 12;

interface DisplayProps {
  readonly board: Board;
  readonly me: string;
  readonly sound: boolean;
  /** Shows what was just done or refused. */
  readonly notify: (message: ToastMessage) => void;
}

/** The board of one station, as a person at it sees it. */
function Display({ board, me, sound, notify }: DisplayProps) {
  const { stage } = board;
  const { data: menu } = useQuery(menuQuery);
  const names = useFlavourNames();
  const labelOf = useReasonLabels();
  const [dialog, setDialog] = useState<OpenDialog>(null);
  const pendingAcks = usePendingAcks(stage, notify);
  const list = useSyncExternalStore(pendingAcks.watch, pendingAcks.list);
  const pending = useMemo(() => new Map(list.map((each) => [each.ticketId, each.ack.kind])), [list]);
  const columns = useMemo(() => columnsOf(board, me, pending), [board, me, pending]);
  const most = useDeferredValue(Number.POSITIVE_INFINITY, shownFirst);
  const counts = useMemo(() => allDay(board, pending), [board, pending]);
  const display = useRef<HTMLDivElement>(null);
  const keepFocus = useFocusOf(display, columns);
  const batches = useMemo(() => batchesOf(board, columns, pending), [board, columns, pending]);
  const keepFocusAt = useFocusOfBatch(display);
  const { starting: startingBatch, begun, forgetBegun, start: startBatch, putBack } = useBatches(stage, names, notify);
  const { starting, start } = useStarting(stage, notify, keepFocus);
  useRenewals(stage, useMemo(() => columns.mine.filter((ticket) => !ticket.withdrawn && !pending.has(ticket.ticketId)), [columns, pending]));
  useChime(board, sound);
  useEffect(() => { pendingAcks.setBoard(board); }, [pendingAcks, board]);

  const say = useCallback((ticket: BoardTicket, ack: RetractableAck) => {
    keepFocus(ticket);
    pendingAcks.add([ticket], ack);
    forgetBegun(); // what is said last is what a key takes back
    setDialog(null);
  }, [keepFocus, pendingAcks, forgetBegun]);
  // The same object for all cards and as long as the board is open, so that only cards that change are drawn again.
  const actions: Actions = useMemo(() => ({
    onStart: (ticket) => void start(ticket, { kind: "started" }),
    onTakeOver: (ticket) => void start(ticket, { kind: "started", takeOver: true, from: ticket.by ?? "" }),
    onPutBack: (ticket) => { say(ticket, { kind: "released" }); },
    onDone: (ticket) => { say(ticket, { kind: "done" }); },
    onUndone: (ticket, scrapped) => { say(ticket, { kind: "undone", scrapped }); },
    onFailed: (ticket) => { setDialog({ about: "failure", ticket }); },
    onFewerScrapped: (ticket) => { setDialog({ about: "scrapped", ticket }); },
    onRetract: (ticket) => {
      if (pendingAcks.retract(ticket.ticketId)) keepFocus(ticket);
    },
  }), [start, say, pendingAcks, keepFocus]);
  const card = (ticket: BoardTicket, place: Place) => (
    <TicketCard
      key={ticket.ticketId}
      ticket={ticket}
      stage={stage}
      rules={board.rules}
      names={names}
      labelOf={labelOf}
      place={place}
      busy={starting.has(ticket.ticketId)}
      isPaused={board.paused !== undefined}
      pendingAck={list.find((each) => each.ticketId === ticket.ticketId)}
      actions={actions}
    />
  );
  const finishBatch = (tickets: readonly BoardTicket[]) => {
    keepFocusAt("[data-together]");
    forgetBegun();
    pendingAcks.add(tickets, { kind: "done" });
  };
  const putBackBatch = () => {
    if (begun) keepFocusAt(ofFlavour(begun.flavour));
    void putBack();
  };
  const startTogether = (flavour: string, tickets: readonly BoardTicket[]) => {
    keepFocusAt(ofFlavour(flavour));
    void startBatch(flavour, tickets);
  };
  const totals = (
    <Totals counts={counts} menu={menu} stage={stage} names={names}>
      {(flavour) => {
        const batch = batches.get(flavour) ?? noBatch;
        const starting = startingBatch?.flavour === flavour ? startingBatch.tickets.length : null;
        return <BatchButtons flavour={flavour} name={names(flavour)} batch={batch} starting={starting} onStart={startTogether} onFinish={finishBatch} />;
      }}
    </Totals>
  );
  useKeys(display, () => {
    if (begun) {
      putBackBatch();
      return;
    }
    const last = list.find((each) => pendingAcks.retract(each.ticketId));
    if (last) keepFocus(last);
  });

  const hasNothing = board.tickets.length === 0 && columns.ended.length === 0;

  return (
    <div ref={display} className="station-page">
      <header className="station-head">
        <h1><StageIcon stage={stage} /> {stageWords[stage].name}</h1>
        <HowMuch waiting={columns.waiting} rules={board.rules} />
        <FullScreenButton />
        {totals}
      </header>
      {board.paused && <PausedNotice paused={board.paused} notify={notify} />}
      <Seat stage={stage} me={me} notify={notify} />
      {hasNothing && <Empty title="Nothing to do"><p>The next ticket will appear here by itself.</p></Empty>}
      {!hasNothing && (
        <div className="board" data-moves-focus>
          <Group title="Mine" look="mine" tickets={columns.mine}>{columns.mine.slice(0, most).map((ticket) => card(ticket, "mine"))}</Group>
          <Group title="Waiting" look="grid" tickets={columns.waiting} empty="Nothing is waiting.">{columns.waiting.slice(0, most).map((ticket) => card(ticket, "waiting"))}</Group>
          <Group title="With others" look="grid" tickets={columns.others}>{columns.others.slice(0, most).map((ticket) => card(ticket, "others"))}</Group>
          <Group title="Failed" look="grid" tickets={columns.failed}>{columns.failed.slice(0, most).map((ticket) => card(ticket, "waiting"))}</Group>
          <JustDone
            reported={columns.reported}
            ended={columns.ended}
            card={card}
            begun={begun && <BegunRow begun={begun} name={names(begun.flavour)} onPutBack={putBackBatch} />}
            pending={list}
            names={names}
            onRetract={(ack, flavour) => { if (pendingAcks.retract(ack.ticketId)) keepFocusAt(ofFlavour(flavour)); }}
          />
        </div>
      )}
      <p className="station-keys soft small">Keys: arrows move, Enter presses the button, F reports a failure, B puts a ticket back, U takes back what you said last.</p>
      {dialog?.about === "failure" && <FailureDialog ticket={dialog.ticket} reasons={board.rules.reasons} onReport={(ack) => { say(dialog.ticket, ack); }} onClose={() => { setDialog(null); }} />}
      {dialog?.about === "scrapped" && <ScrappedDialog ticket={dialog.ticket} onUndone={(scrapped) => { say(dialog.ticket, { kind: "undone", scrapped }); }} onClose={() => { setDialog(null); }} />}
    </div>
  );
}

/** How many tickets wait, and how many of them are late. */
function HowMuch({ waiting, rules }: { readonly waiting: readonly BoardTicket[]; readonly rules: BoardRules }) {
  const late = useTime((now) => waiting.filter((ticket) => urgencyOf(ticket, rules, now) === "late").length);
  return (
    <p className="station-counts">
      <span className="badge badge-stage numbers">{waiting.length} waiting</span>
      {late > 0 && <span className="badge badge-due-late numbers">{late} late</span>}
    </p>
  );
}

interface TotalsProps {
  readonly counts: ReturnType<typeof allDay>;
  readonly menu: Menu | undefined;
  readonly stage: Stage;
  readonly names: (flavour: string) => string;
  /** What can be done with all of a flavour. */
  readonly children: (flavour: string) => ReactNode;
}

const noBatch: FlavourBatch = { start: [], waiting: 0, finish: [] };

/** What is to be made here in all. The first stage makes the batter of all of it. */
function Totals({ counts, menu, stage, names, children }: TotalsProps) {
  const grams = menu && stage === stages[0] ? gramsOf(counts, menu) : 0;
  return (
    // Many flavours scroll, by keyboard too.
    // eslint-disable-next-line jsx-a11y/no-noninteractive-tabindex
    <div className="all-day" data-moves-focus role="group" tabIndex={0} aria-label="Pieces to make, by flavour and size">
      <dl>
        {grams > 0 && <div><dt>Batter</dt><dd className="numbers">{weightText(grams)}</dd></div>}
        {counts.map(({ flavour, sizes }) => (
          <div key={flavour}><dt>{names(flavour)}</dt><dd className="numbers">{sizes.map(({ size, pieces }) => `${pieces} ${size}`).join(" · ")} {children(flavour)}</dd></div>
        ))}
      </dl>
    </div>
  );
}

interface GroupProps {
  readonly title: string;
  readonly look: "mine" | "grid";
  readonly tickets: readonly BoardTicket[];
  /** What is said when there are no tickets; without it the group is left out then. */
  readonly empty?: string;
  readonly children: ReactNode;
}

function Group({ title, look, tickets, empty, children }: GroupProps) {
  if (tickets.length === 0 && empty === undefined) return null;
  return (
    <section className={`board-group board-${look}`} aria-label={title}>
      <h2>{title} <span className="badge numbers">{tickets.length}</span></h2>
      {tickets.length === 0 && <p className="soft">{empty}</p>}
      <ul>{children}</ul>
    </section>
  );
}

interface JustDoneProps {
  readonly reported: readonly BoardTicket[];
  readonly ended: readonly BoardTicket[];
  readonly card: (ticket: BoardTicket, place: Place) => ReactNode;
  /** What was just begun together. */
  readonly begun: ReactElement | null;
  readonly pending: readonly PendingAck[];
  readonly names: (flavour: string) => string;
  readonly onRetract: (ack: PendingAck, flavour: string) => void;
}

/** What was done lately: what can still be taken back is in sight, the rest is in a drawer. */
function JustDone({ reported, ended, card, begun, pending, names, onRetract }: JustDoneProps) {
  if (reported.length + ended.length === 0 && begun === null) return null;
  const batchOf = new Map(pending.map((ack) => [ack.ticketId, ack.batch]));
  return (
    <section className="board-done" aria-label="Just done">
      {(begun !== null || reported.length > 0) && (
        <ul>
          {begun}
          {reported.map((ticket) => {
            const batch = batchOf.get(ticket.ticketId);
            if (batch === undefined) return card(ticket, "ended");
            // One row for all of them, in the place of the first.
            const tickets = reported.filter((each) => batchOf.get(each.ticketId) === batch);
            const [acks, flavour] = [pending.filter((ack) => ack.batch === batch), ticket.lines[0]?.flavour ?? ""];
            const [first] = acks;
            return ticket === tickets[0] && first && <ReportedRow key={batch} acks={acks} tickets={tickets} name={names(flavour)} onRetract={() => { onRetract(first, flavour); }} />;
          })}
        </ul>
      )}
      {ended.length > 0 && (
        <details>
          <summary>Just done <span className="code" translate="no">{ended.map((ticket) => ticket.pickupCode).join(" · ")}</span></summary>
          <ul>{ended.map((ticket) => card(ticket, "ended"))}</ul>
        </details>
      )}
    </section>
  );
}

/** Starts tickets, and takes them over. Such an ack is sent at once. */
function useStarting(stage: Stage, notify: (message: ToastMessage) => void, keepFocus: (ticket: BoardTicket) => void) {
  const [starting, setStarting] = useState<ReadonlySet<string>>(new Set());
  const inFlight = useRef(new Set<string>());
  const start = useCallback(async (ticket: BoardTicket, ack: Ack) => {
    if (inFlight.current.has(ticket.ticketId)) return;
    inFlight.current.add(ticket.ticketId);
    setStarting(new Set(inFlight.current));
    try {
      keepFocus(ticket);
      await api.ack(stage, ticket.ticketId, ack);
      notify({ text: `${ticket.pickupCode} is yours.` });
    } catch (error) {
      notify({ text: `${ticket.pickupCode}: ${textOf(error)}` });
    } finally {
      inFlight.current.delete(ticket.ticketId);
      setStarting(new Set(inFlight.current));
    }
  }, [stage, notify, keepFocus]);
  return { starting, start };
}

/** The pending acks of this board; they are sent when the page is left. */
function usePendingAcks(stage: Stage, notify: (message: ToastMessage) => void): PendingAcks {
  const [pendingAcks] = useState(
    () => new PendingAcks(
      (ticketId, ack) => api.ack(stage, ticketId, ack),
      ({ pickupCode }, problem) => { notify({ text: `${pickupCode}: ${problem.message}` }); },
    ),
  );
  useEffect(() => {
    addEventListener("pagehide", pendingAcks.flush);
    return () => {
      removeEventListener("pagehide", pendingAcks.flush);
      pendingAcks.flush();
    };
  }, [pendingAcks]);
  return pendingAcks;
}

/** Keeps what the person has in hand theirs, while the board is open and up to date. */
function useRenewals(stage: Stage, inHand: readonly BoardTicket[]) {
  const live = useLiveConnection();
  const [renewals] = useState(() => new Renewals((ticketId) => api.ack(stage, ticketId, { kind: "started" }), Math.random));
  useEffect(() => live.clock.watch(() => {
    if (live.isCurrent()) renewals.check(inHand, live.clock.now());
  }), [live, renewals, inHand]);
}

function useChime(board: Board, sound: boolean) {
  const before = useRef<Board>(undefined);
  useEffect(() => {
    if (sound && newlyWaiting(before.current, board).length > 0) chime();
    before.current = board;
  }, [board, sound]);
}

/**
 * Moves the focus with a ticket that moves to another column: the button that
 * had the focus no longer exists then, and a keyboard would start from nowhere.
 */
function useFocusOf(display: RefObject<HTMLElement | null>, columns: Columns): (ticket: { readonly pickupCode: string }) => void {
  const wanted = useRef<string | null>(null);
  useEffect(() => {
    if (wanted.current === null || (document.activeElement && document.activeElement !== document.body)) return;
    const button = display.current?.querySelector<HTMLElement>(`[aria-label="Ticket ${CSS.escape(wanted.current)}"] button[data-main]`);
    if (!button) return;
    button.focus({ preventScroll: true });
    wanted.current = null; // from now on nothing else may be robbed of the focus
  }, [display, columns]);
  return useCallback((ticket) => { wanted.current = ticket.pickupCode; }, []);
}

/** The keys of a board: shortcuts for its buttons. */
function useKeys(display: RefObject<HTMLElement | null>, retractLast: () => void) {
  useEffect(() => {
    const press = (event: KeyboardEvent) => {
      if (display.current) moveByKey(event, display.current, retractLast);
    };
    addEventListener("keydown", press);
    return () => { removeEventListener("keydown", press); };
  });
}

/** Left and right go from one ticket's main button to the next, up and down to the nearest in the row above or below. */
function moveByKey(event: KeyboardEvent, board: HTMLElement, retractLast: () => void) {
  if (event.ctrlKey || event.metaKey || event.altKey || document.querySelector("dialog[open]")) return;
  // Arrows scroll what can be scrolled.
  if (event.key.startsWith("Arrow") && document.activeElement?.matches("[role=group][tabindex]")) return;
  const buttons = [...board.querySelectorAll<HTMLButtonElement>("button[data-main]")].filter((button) => button.checkVisibility({ contentVisibilityAuto: false }));
  const at = buttons.findIndex((button) => button.closest("li")?.contains(document.activeElement));
  const focus = (button: HTMLButtonElement | undefined) => {
    if (!button) return;
    button.focus();
    button.closest("li")?.scrollIntoView({ block: "nearest" });
    event.preventDefault();
  };
  switch (event.key) {
    case "ArrowRight":
      focus(buttons[at + 1]);
      break;
    case "ArrowLeft":
      focus(buttons[at - 1]);
      break;
    case "ArrowDown":
      focus(at < 0 ? buttons[0] : inNextRow(buttons.slice(at), 1));
      break;
    case "ArrowUp":
      focus(inNextRow(buttons.slice(0, at + 1).reverse(), -1));
      break;
    case "f":
    case "F":
      document.activeElement?.closest("li")?.querySelector<HTMLButtonElement>("button[data-failed]")?.click();
      break;
    case "b":
    case "B":
      document.activeElement?.closest("li")?.querySelector<HTMLButtonElement>("button[data-put-back]")?.click();
      break;
    case "u":
    case "U":
      retractLast();
  }
}

/** The button of the nearest row below (1) or above (-1) that is nearest to the column of the first one. */
function inNextRow([from, ...others]: readonly HTMLButtonElement[], direction: 1 | -1): HTMLButtonElement | undefined {
  if (!from) return undefined;
  const placeOf = (button: HTMLButtonElement) => (button.closest("li") ?? button).getBoundingClientRect();
  const { top, left } = placeOf(from);
  const places = others.map((button) => ({ button, place: placeOf(button) })).filter(({ place }) => (place.top - top) * direction > 1);
  const row = places[0]?.place.top;
  return places.filter(({ place }) => place.top === row).sort((a, b) => Math.abs(a.place.left - left) - Math.abs(b.place.left - left))[0]?.button;
}

import { useQuery } from "@tanstack/react-query";
import { getRouteApi } from "@tanstack/react-router";
import { useCallback, useDeferredValue, useEffect, useMemo, useRef, useState, useSyncExternalStore, type ReactNode, type RefObject } from "react";
import { api } from "../../api/client";
import { textOf } from "../../api/problem";
import { menuQuery } from "../../api/queries";
import type { Ack, Board, BoardTicket, Stage } from "../../api/schema.gen";
import { Empty, Failure, Loading } from "../../design/feedback";
import { isStage, StageIcon, stageWords } from "../../design/stages";
import { Toast, type ToastMessage } from "../../design/Toast";
import { useLive, useLiveConnection } from "../../live/hooks";
import { KitchenButton } from "../kitchen/KitchenDialog";
import { PausedNotice } from "../kitchen/Paused";
import { NotFoundPage } from "../other/OtherPages";
import { StaffLayout } from "../StaffLayout";
import { useReasonLabels } from "../useReasonLabels";
import { allDay, columnsOf, newlyWaiting, type Columns } from "./board";
import { chime, isChimeOn, keepChime } from "./chime";
import { FailureDialog } from "./FailureDialog";
import { PendingAcks, type RetractableAck } from "./pendingAcks";
import { Renewals } from "./renewals";
import { ScrappedDialog } from "./ScrappedDialog";
import { TicketCard, type Actions, type Place } from "./TicketCard";
import "./station.css";

const route = getRouteApi("/stations/$stage");

export function StationScreen() {
  const { stage } = route.useParams();
  return isStage(stage) ? <Station key={stage} stage={stage} /> : <NotFoundPage />;
}

function Station({ stage }: { readonly stage: Stage }) {
  const { session } = route.useRouteContext();
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
  const { starting, start } = useStarting(stage, notify, keepFocus);
  useRenewals(stage, useMemo(() => columns.mine.filter((ticket) => !ticket.withdrawn && !pending.has(ticket.ticketId)), [columns, pending]));
  useChime(board, sound);
  useEffect(() => { pendingAcks.setBoard(board); }, [pendingAcks, board]);

  const say = useCallback((ticket: BoardTicket, ack: RetractableAck) => {
    keepFocus(ticket);
    pendingAcks.add(ticket, ack);
    setDialog(null);
  }, [keepFocus, pendingAcks]);
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
      pendingAck={list.find((each) => each.ticketId === ticket.ticketId)}
      actions={actions}
    />
  );
  useKeys(display, () => {
    const last = list.find((each) => pendingAcks.retract(each.ticketId));
    if (last) keepFocus(last);
  });

  return (
    <div ref={display}>
      <header className="station-head">
        <h1><StageIcon stage={stage} /> {stageWords[stage].name}</h1>
        <dl className="all-day" aria-label="Pieces to make, by flavour">
          {counts.map(({ flavour, pieces }) => (
            <div key={flavour}><dt>{names(flavour)}</dt><dd className="numbers">{pieces}</dd></div>
          ))}
        </dl>
      </header>
      {board.paused && <PausedNotice paused={board.paused} notify={notify} />}
      {board.tickets.length === 0 && columns.justDone.length === 0 ? (
        <Empty title="Nothing to do"><p>The next ticket will appear here by itself.</p></Empty>
      ) : (
        <div className="board">
          <Column title="Waiting" count={columns.waiting.length} empty="Nothing is waiting.">
            {columns.waiting.slice(0, most).map((ticket) => card(ticket, "waiting"))}
            {columns.others.length > 0 && <li className="board-divider"><h3>With others</h3></li>}
            {columns.others.slice(0, most).map((ticket) => card(ticket, "others"))}
            {columns.failed.length > 0 && <li className="board-divider"><h3>Failed</h3></li>}
            {columns.failed.slice(0, most).map((ticket) => card(ticket, "waiting"))}
          </Column>
          <Column title="Mine" count={columns.mine.length} empty="Start a ticket to work on it.">
            {columns.mine.slice(0, most).map((ticket) => card(ticket, "mine"))}
          </Column>
          <Column title="Just done" count={columns.justDone.length} empty="Finished tickets appear here." quiet>
            {columns.justDone.map((ticket) => card(ticket, "ended"))}
          </Column>
        </div>
      )}
      <p className="station-keys soft small">Keys: arrows move, Enter presses the button, F reports a failure, B puts a ticket back, U undoes your last report.</p>
      {dialog?.about === "failure" && <FailureDialog ticket={dialog.ticket} reasons={board.rules.reasons} onReport={(ack) => { say(dialog.ticket, ack); }} onClose={() => { setDialog(null); }} />}
      {dialog?.about === "scrapped" && <ScrappedDialog ticket={dialog.ticket} onUndone={(scrapped) => { say(dialog.ticket, { kind: "undone", scrapped }); }} onClose={() => { setDialog(null); }} />}
    </div>
  );
}

interface ColumnProps {
  readonly title: string;
  readonly count: number;
  readonly empty: string;
  readonly quiet?: boolean;
  readonly children: ReactNode;
}

function Column({ title, count, empty, quiet = false, children }: ColumnProps) {
  return (
    <section className={`board-column${quiet ? " board-column-quiet" : ""}`} aria-label={title}>
      <h2>{title} <span className="badge numbers">{count}</span></h2>
      {count === 0 && <p className="soft">{empty}</p>}
      <ul>{children}</ul>
    </section>
  );
}

function useFlavourNames(): (code: string) => string {
  const { data: menu } = useQuery(menuQuery);
  return useCallback((code: string) => menu?.flavours.find((flavour) => flavour.code === code)?.name ?? code, [menu]);
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

/** Arrows go from one ticket's main button to the next, and between columns. */
function moveByKey(event: KeyboardEvent, board: HTMLElement, retractLast: () => void) {
  if (event.ctrlKey || event.metaKey || event.altKey || document.querySelector("dialog[open]")) return;
  const columns = [...board.querySelectorAll(".board-column")].map((column) => [...column.querySelectorAll<HTMLButtonElement>("button[data-main]")]);
  const column = columns.findIndex((buttons) => buttons.some((button) => button.closest("li")?.contains(document.activeElement)));
  const row = columns[column]?.findIndex((button) => button.closest("li")?.contains(document.activeElement)) ?? -1;
  const focus = (button: HTMLButtonElement | undefined) => {
    if (!button) return;
    button.focus();
    button.closest("li")?.scrollIntoView({ block: "nearest" });
    event.preventDefault();
  };
  const firstOf = (list: HTMLButtonElement[][]) => list.find((buttons) => buttons.length > 0)?.[0];
  switch (event.key) {
    case "ArrowDown":
      focus(column < 0 ? firstOf(columns) : columns[column]?.[row + 1]);
      break;
    case "ArrowUp":
      focus(columns[column]?.[row - 1]);
      break;
    case "ArrowRight":
      focus(firstOf(columns.slice(column + 1)));
      break;
    case "ArrowLeft":
      focus(firstOf(columns.slice(0, Math.max(column, 0)).reverse()));
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

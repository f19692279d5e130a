import { keepPreviousData, useQuery } from "@tanstack/react-query";
import { Link, useNavigate } from "@tanstack/react-router";
import { useId, type ReactNode } from "react";
import { historyFile } from "../../api/client";
import type { DayFigures, HistoryDay, LateOrder } from "../../api/schema.gen";
import { Cupcake } from "../../design/Cupcake";
import { StageBadge, stageWords } from "../../design/stages";
import { dayAfter, dayText, timeOfDay } from "../../design/time";
import { useLive } from "../../live/hooks";
import { countText } from "../../text";
import { useFlavourNames } from "../useFlavourNames";
import { useReasonLabels } from "../useReasonLabels";
import { Block } from "./Block";
import { Bars, Behind, Columns, Key, Table } from "./charts";
import { DayPicker } from "./DayPicker";
import { Delay } from "./Delay";
import { amountsText, byFlavour, changeText, hasAny, hoursOf, wasteBy, workersOf } from "./figures";
import { dayQuery, daysQuery } from "./queries";
import { useRefetchNowAndThen } from "./useRefetchNowAndThen";
import { causeText, hourText, latenessText, secondsText } from "./words";

interface Props {
  readonly day: string;
  readonly today: string;
  readonly late: string | undefined;
}

/** A day in full, against the same weekday before. */
export function Day({ day, today, late }: Props) {
  const before = dayAfter(day, -7);
  const { version } = useLive("kitchen");
  const asked = useQuery({ ...dayQuery(day), placeholderData: keepPreviousData });
  const week = useQuery(daysQuery(before, before));
  useRefetchNowAndThen(day === today ? version : 0, asked.refetch);
  const file = (table: string) => historyFile(`days/${day}`, { table });
  return (
    <>
      <div className="history-head">
        <h2 className="history-day">{dayText(day)}{day === today && <> <span className="badge">Today</span></>}</h2>
        <DayPicker day={day} usual={{ day: today, name: "Today" }} to={(chosen) => (chosen ? { day: chosen } : {})} />
      </div>
      <div className={`history-grid${asked.isPlaceholderData ? " history-old" : ""}`}>
        <Block wide title="The day in figures" asked={asked} file={historyFile("days", { from: day, to: day })}>
          {({ figures }) => <Tiles figures={figures} before={week.data?.days.find(hasAny)} note={comparedText(week.data?.days[0], day === today)} />}
        </Block>
        <Block title="Flavours" asked={asked} file={file("flavours")}>{(data) => <Flavours data={data} />}</Block>
        <Block title="Orders by hour" asked={asked} file={file("hours")}>{(data) => <Hours data={data} />}</Block>
        <Block wide title="Late orders" asked={asked} file={file("late")}>{(data) => <Late orders={data.late} opened={late} />}</Block>
        <Block wide title="Thrown away" asked={asked} file={file("waste")}>{(data) => <Waste data={data} />}</Block>
        <Block wide title="People at work" asked={asked} file={file("people")}>{(data) => <People data={data} />}</Block>
      </div>
    </>
  );
}

/** With what a day is compared: an empty day, perhaps from before there was a ledger, says nothing about this one. */
function comparedText(before: DayFigures | undefined, isToday: boolean): string {
  if (!before) return "";
  if (!hasAny(before)) return `The ledger has nothing for ${dayText(before.day)}, so there is no comparison. `;
  return `${isToday ? "So far, compared with all of" : "Compared with"} ${dayText(before.day)}. `;
}

function Tiles({ figures, before, note }: { readonly figures: DayFigures; readonly before: DayFigures | undefined; readonly note: string }) {
  const share = (part: number, of: number) => (part > 0 && of > 0 ? ` (${Math.round((100 * part) / of)} %)` : "");
  const change = (of: (day: DayFigures) => number) => (before ? changeText(of(figures), of(before)) : undefined);
  return (
    <>
      <ul className="history-tiles">
        <Tile name="Orders" note={change(({ orders }) => orders)}>{figures.orders.toLocaleString()}</Tile>
        <Tile name="Pieces" note={change(({ pieces }) => pieces)}>{figures.pieces.toLocaleString()}</Tile>
        <Tile name="Revenue" note={before && before.revenue.length > 0 ? `was ${amountsText(before.revenue)}` : undefined}>{amountsText(figures.revenue)}</Tile>
        <Tile name="Ready" note={change(({ ready }) => ready)}>{figures.ready.toLocaleString()}<small>{share(figures.ready, figures.orders - figures.cancelled)}</small></Tile>
        <Tile name="Collected" note={change(({ collected }) => collected)}>{figures.collected.toLocaleString()}<small>{share(figures.collected, figures.ready)}</small></Tile>
        <Tile name="Late" isBad={figures.late > 0} note={change(({ late }) => late)}>{figures.late.toLocaleString()}<small>{share(figures.late, figures.orders - figures.cancelled)}</small></Tile>
        <Tile name="Cancelled" note={change(({ cancelled }) => cancelled)}>{figures.cancelled.toLocaleString()}</Tile>
        <Tile name="Thrown away" isBad={figures.scrapped > 0} note={change(({ scrapped }) => scrapped)}>{figures.scrapped.toLocaleString()}<small> {figures.scrapped === 1 ? "piece" : "pieces"}</small></Tile>
      </ul>
      <p className="soft small">{note}An order belongs to the day for which it is due.{figures.open > 0 && ` ${countText(figures.open, "order")} still open.`}{figures.remakes > 0 && ` Made again: ${countText(figures.remakes, "time")}.`}</p>
    </>
  );
}

function Tile({ name, note, isBad = false, children }: { readonly name: string; readonly note: string | undefined; readonly isBad?: boolean; readonly children: ReactNode }) {
  return (
    <li className={`history-tile${isBad ? " history-bad" : ""}`}>
      <span className="soft">{name}</span>
      <b className="numbers">{children}</b>
      <span className="small soft numbers">{note ?? " "}</span>
    </li>
  );
}

function Flavours({ data: { flavours } }: { readonly data: HistoryDay }) {
  const nameOf = useFlavourNames();
  if (flavours.length === 0) return <p className="soft">No cupcakes are ordered for this day.</p>;
  return (
    <>
      <p className="row chart-legend"><span><Key look="ready" /> ordered for the day</span><span><Key look="lost" /> thrown away on it</span></p>
      <Bars
        name="Pieces by flavour"
        bars={byFlavour(flavours).map(({ flavour, pieces, scrapped }) => ({
          key: flavour,
          name: <><span className="bar-picture"><Cupcake flavour={flavour} size="M" /></span> <span className="wrap-anywhere">{nameOf(flavour)}</span></>,
          parts: [{ look: "ready", value: pieces }, { look: "lost", value: scrapped }],
          text: <><b>{pieces.toLocaleString()}</b>{scrapped > 0 && <span className="bar-lost">, {scrapped.toLocaleString()} thrown away</span>}</>,
        }))}
      />
      <Behind
        name="Flavours and sizes"
        head={["Flavour", "Size", "Pieces", "Thrown away", "Revenue"]}
        rows={flavours.map(({ flavour, size, pieces, scrapped, revenue }) => ({ key: `${flavour} ${size}`, head: nameOf(flavour), cells: [size, pieces, scrapped, amountsText(revenue)] }))}
      />
    </>
  );
}

function Hours({ data }: { readonly data: HistoryDay }) {
  const hours = hoursOf(data.hours);
  if (hours.length === 0) return <p className="soft">No order was placed, due or ready on this day.</p>;
  return (
    <>
      <Columns
        series={[{ name: "placed", look: "placed" }, { name: "due", look: "due" }, { name: "ready", look: "ready" }]}
        columns={hours.map(({ hour, placed, due, ready }) => ({ key: String(hour), label: String(hour), name: `from ${hourText(hour)} to ${hourText(hour + 1)}`, values: [placed, due, ready] }))}
      />
      <Behind name="Orders by hour" head={["From", "Placed", "Due", "Ready"]} rows={hours.map(({ hour, placed, due, ready }) => ({ key: String(hour), head: hourText(hour), cells: [placed, due, ready] }))} />
    </>
  );
}

function Waste({ data: { waste } }: { readonly data: HistoryDay }) {
  const labelOf = useReasonLabels();
  const nameOf = useFlavourNames();
  if (waste.length === 0) return <p className="soft">Nothing failed on this day, and nothing was thrown away.</p>;
  const text = (failures: number, pieces: number) => <><b>{countText(pieces, "piece")}</b>{failures > 0 && `, ${countText(failures, "failure")}`}</>;
  const bars = (by: "reason" | "worker") => wasteBy(waste, by).map(({ key, stage, what, failures, pieces }) => ({
    key,
    stage,
    name: <span className="wrap-anywhere">{by === "reason" ? labelOf(what) : <b translate="no">{what}</b>} <span className="soft">at {stageWords[stage].name.toLowerCase()}</span></span>,
    parts: [{ look: "worked" as const, value: pieces }],
    text: text(failures, pieces),
  }));
  return (
    <>
      <div className="side-by-side">
        <div className="stack"><h3>Why</h3><Bars name="Thrown away, by reason" bars={bars("reason")} /></div>
        <div className="stack"><h3>Reported by</h3><Bars name="Thrown away, by who reported it" bars={bars("worker")} /></div>
      </div>
      <Behind
        name="Thrown away"
        head={["Reason", "Stage", "Flavour", "By", "Failures", "Pieces"]}
        rows={waste.map(({ stage, reason, flavour, worker, failures, pieces }) => ({ key: `${stage} ${reason} ${flavour} ${worker}`, head: labelOf(reason), cells: [stageWords[stage].name, nameOf(flavour), worker, failures, pieces] }))}
      />
    </>
  );
}

function People({ data: { people } }: { readonly data: HistoryDay }) {
  const workers = workersOf(people);
  if (workers.length === 0) return <p className="soft">Nobody has ended a ticket on this day.</p>;
  const most = Math.max(1, ...workers.map(({ tickets }) => tickets));
  return (
    <Table
      name="Who did what"
      head={["Who", "Stages", "Tickets", "Pieces", "In hand", "Each", "Failures", "Thrown away"]}
      rows={workers.map(({ worker, tickets, stages }) => {
        const sum = (of: (row: (typeof stages)[number]) => number) => stages.reduce((total, row) => total + of(row), 0);
        const held = sum(({ inHandSeconds }) => inHandSeconds);
        return {
          key: worker,
          head: <span className="wrap-anywhere" dir="auto" translate="no">{worker}</span>,
          cells: [
            <span key="stages" className="row">{stages.map(({ stage }) => <StageBadge key={stage} stage={stage} />)}</span>,
            <span key="tickets" className="people-tickets"><b>{tickets.toLocaleString()}</b><span className="bar-track" aria-hidden="true">{stages.map(({ stage, tickets: own }) => own > 0 && <span key={stage} className="fill-worked" data-stage={stage} style={{ width: `${(own / most) * 100}%` }} />)}</span></span>,
            sum(({ pieces }) => pieces).toLocaleString(),
            secondsText(held),
            tickets > 0 ? secondsText(held / tickets) : "–",
            sum(({ failures }) => failures) || "–",
            sum(({ scrapped }) => scrapped) || "–",
          ],
        };
      })}
    />
  );
}

function Late({ orders, opened }: { readonly orders: readonly LateOrder[]; readonly opened: string | undefined }) {
  if (orders.length === 0) return <p className="soft">No order was late.</p>;
  return <ol className="late-list">{orders.map((order, i) => <LateRow key={order.orderId ?? i} order={order} isOpen={order.pickupCode === opened} />)}</ol>;
}

function LateRow({ order, isOpen }: { readonly order: LateOrder; readonly isOpen: boolean }) {
  const { orderId, pickupCode, dueAt, cause, stage } = order;
  const navigate = useNavigate();
  const id = useId();
  const toggle = () => void navigate({ to: "/history", search: ({ day }: { day?: string }) => ({ ...(day && { day }), ...(!isOpen && { late: pickupCode }) }), resetScroll: false, replace: true });
  const said = (
    <>
      <span className="code" translate="no">{pickupCode}</span>
      <span><b>{latenessText(order)}</b> <span className="soft small">due {timeOfDay(dueAt)}</span></span>
      <span className="late-cause">{causeText(cause, stage)}{!orderId && <span className="small soft"> · customer’s data erased</span>}</span>
    </>
  );
  return (
    <li data-stage={stage}>
      {orderId ? <button type="button" className="late-row" aria-expanded={isOpen} aria-controls={isOpen ? id : undefined} onClick={toggle}>{said}<span className="late-sign" aria-hidden="true">{isOpen ? "▴" : "▾"}</span></button> : <div className="late-row">{said}</div>}
      {isOpen && orderId && <div id={id} className="late-why"><Delay id={orderId} /><p><Link to="/find/$id" params={{ id: orderId }}>All about this order</Link></p></div>}
    </li>
  );
}

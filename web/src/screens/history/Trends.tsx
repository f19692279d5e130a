import { keepPreviousData, useQuery } from "@tanstack/react-query";
import { historyFile } from "../../api/client";
import type { DayFigures, HistoryStages, Quantiles, Stage, StageTimes } from "../../api/schema.gen";
import { GoTo } from "../../design/GoTo";
import { StageIcon, stages, stageWords } from "../../design/stages";
import { dayAfter, dayText } from "../../design/time";
import { moneyText } from "../../prices";
import { Block } from "./Block";
import { Behind, Columns, HeatMap, type Column } from "./charts";
import { amountsText, currenciesOf, hasAny, heatOf, sumOf, takenOn, weekdays, type Measure } from "./figures";
import { daysQuery, stagesQuery } from "./queries";
import { hrefOf, spans, type Search, type Span } from "./search";
import { hourText, secondsText, weekdayText } from "./words";

interface Props {
  readonly span: Span;
  readonly today: string;
  readonly search: Search;
}

/** How things went over days: what was made and sold, what was late, and how long the stages took. */
export function Trends({ span, today, search }: Props) {
  const from = dayAfter(today, 1 - span);
  const days = useQuery({ ...daysQuery(from, today), placeholderData: keepPreviousData });
  const times = useQuery({ ...stagesQuery(from, today), placeholderData: keepPreviousData });
  const file = historyFile("days", { from, to: today });
  const old = days.isPlaceholderData || times.isPlaceholderData;
  return (
    <>
      <div className="history-head">
        <h2 className="history-day">{dayText(from)} to {dayText(today)}</h2>
        <div className="choices" role="group" aria-label="Days">
          {spans.map((each) => <GoTo key={each} href={hrefOf({ ...search, range: each })} className={`button ${each === span ? "button-primary" : "button-quiet"}`} aria-current={each === span ? "true" : undefined}>{each} days</GoTo>)}
        </div>
      </div>
      {days.data && <Since days={days.data.days} />}
      <div className={`history-grid${old ? " history-old" : ""}`}>
        <Block title="Pieces a day" asked={days} file={file}>{({ days: each }) => <Pieces days={each} />}</Block>
        <Block title="Revenue a day" asked={days} file={file}>{({ days: each }) => <Revenue days={each} />}</Block>
        <Block title="In time and late" asked={days} file={file}>{({ days: each }) => <Lateness days={each} />}</Block>
        <Block title="How long the stages take" asked={times} file={historyFile("stages", { from, to: today })}>{(data) => <StageSpans stages={data.stages} />}</Block>
        <Block wide title="When it is slow" asked={times} file={historyFile("stages", { from, to: today, table: "hours" })}>{(data) => <Slow times={data} search={search} />}</Block>
      </div>
    </>
  );
}

/** Days before the first that the ledger knows are empty, which does not mean that nothing was sold. */
function Since({ days }: { readonly days: readonly DayFigures[] }) {
  const first = days.find(hasAny);
  return first && first !== days[0] ? <p className="soft">The ledger has nothing from before {dayText(first.day)} in this span.</p> : null;
}

const nothing = <p className="soft">Nothing was ordered for these days.</p>;

const columnsOf = (days: readonly DayFigures[], values: (day: DayFigures) => readonly number[]): readonly Column[] =>
  days.map((figures) => ({ key: figures.day, label: dayText(figures.day).replace(/^\S+ /, ""), name: dayText(figures.day), values: values(figures), href: hrefOf({ day: figures.day }) }));

const dayLink = ({ day }: DayFigures) => <GoTo href={hrefOf({ day })}>{dayText(day)}</GoTo>;

/** The newest first: who reads a table looks for what was lately. */
const newestFirst = (days: readonly DayFigures[]) => [...days].reverse();

function Pieces({ days }: { readonly days: readonly DayFigures[] }) {
  if (sumOf(days, ({ pieces, scrapped }) => pieces + scrapped) === 0) return nothing;
  return (
    <>
      <Columns series={[{ name: "ordered", look: "ready" }, { name: "thrown away", look: "lost" }]} columns={columnsOf(days, ({ pieces, scrapped }) => [pieces, scrapped])} stacked />
      <Behind name="Pieces a day" head={["Day", "Orders", "Pieces", "Thrown away"]} rows={newestFirst(days).map((figures) => ({ key: figures.day, head: dayLink(figures), cells: [figures.orders, figures.pieces, figures.scrapped] }))} />
    </>
  );
}

function Revenue({ days }: { readonly days: readonly DayFigures[] }) {
  const currencies = currenciesOf(days);
  if (currencies.length === 0) return <p className="soft">No order of these days is ready, or none has a price.</p>;
  return (
    <>
      {currencies.map((money) => (
        <Columns
          key={money.currency}
          series={[{ name: "taken", look: "money" }]}
          columns={columnsOf(days, (figures) => [takenOn(figures, money.currency)])}
          unit={10 ** money.decimals}
          textOf={(amount) => moneyText(money, amount)}
          tickOf={(amount) => moneyText({ currency: money.currency, decimals: 0 }, amount / 10 ** money.decimals)}
        />
      ))}
      <Behind name="Revenue a day" head={["Day", "Ready", "Revenue"]} rows={newestFirst(days).map((figures) => ({ key: figures.day, head: dayLink(figures), cells: [figures.ready, amountsText(figures.revenue)] }))} />
    </>
  );
}

function Lateness({ days }: { readonly days: readonly DayFigures[] }) {
  const kept = sumOf(days, ({ orders, cancelled }) => orders - cancelled);
  if (kept === 0) return nothing;
  const late = sumOf(days, (day) => day.late);
  const inTime = ({ orders, cancelled, late: ofDay }: DayFigures) => Math.max(0, orders - cancelled - ofDay);
  return (
    <>
      <Columns series={[{ name: "in time", look: "ready" }, { name: "late", look: "lost" }]} columns={columnsOf(days, (day) => [inTime(day), day.late])} stacked />
      <p className="soft small">{late === 0 ? "No order was late." : `${Math.round((100 * late) / kept)} % of the orders were late.`} Cancelled ones do not count; those that are not due yet count as in time.</p>
      <Behind name="Late orders a day" head={["Day", "Orders", "Late", "Cancelled", "Made again"]} rows={newestFirst(days).map((day) => ({ key: day.day, head: dayLink(day), cells: [day.orders, day.late, day.cancelled, day.remakes] }))} />
    </>
  );
}

function StageSpans({ stages: rows }: { readonly stages: readonly StageTimes[] }) {
  if (rows.every(({ tickets }) => tickets === 0)) return <p className="soft">No ticket was done in these days.</p>;
  const most = Math.max(1, ...rows.flatMap(({ waited, inHand }) => [waited?.p90 ?? 0, inHand?.p90 ?? 0]));
  return (
    <>
      <p className="soft small">The dark bar ends at the time within which half of the tickets were done, the pale one at that of nine in ten.</p>
      <ul className="spans" aria-label="Times by stage">
        {rows.map(({ stage, tickets, waited, inHand }) => (
          <li key={stage} data-stage={stage}>
            <h3><StageIcon stage={stage} /> {stageWords[stage].name} <span className="small soft numbers">{tickets.toLocaleString()} done</span></h3>
            <SpanBar name="waited" quantiles={waited} most={most} />
            <SpanBar name="in hand" quantiles={inHand} most={most} />
          </li>
        ))}
      </ul>
    </>
  );
}

function SpanBar({ name, quantiles, most }: { readonly name: "waited" | "in hand"; readonly quantiles: Quantiles | undefined; readonly most: number }) {
  const wide = (seconds: number) => ({ width: `${(seconds / most) * 100}%` });
  return (
    <p className="span">
      <span className="span-track" aria-hidden="true">{quantiles && <><span className="span-most" style={wide(quantiles.p90)} /><span className={name === "waited" ? "span-waited" : "fill-worked"} style={wide(quantiles.p50)} /></>}</span>
      <span className="small numbers">{name} {quantiles ? <><b>{secondsText(quantiles.p50)}</b> <span className="soft">to {secondsText(quantiles.p90)}</span></> : "–"}</span>
    </p>
  );
}

const measures: readonly { readonly measure: Measure; readonly name: string }[] = [{ measure: "waited", name: "Waited" }, { measure: "inHand", name: "In hand" }];

function Slow({ times, search }: { readonly times: HistoryStages; readonly search: Search }) {
  const stage = search.heat ?? slowest(times);
  return (
    <>
      <div className="choices" role="group" aria-label="Stage">
        {stages.map((each) => <GoTo key={each} href={hrefOf({ ...search, heat: each })} className={`button ${each === stage ? "button-primary" : "button-quiet"}`} aria-current={each === stage ? "true" : undefined}><StageIcon stage={each} /> {stageWords[each].name}</GoTo>)}
      </div>
      <div className="side-by-side">{measures.map(({ measure, name }) => <Heat key={measure} times={times} stage={stage} measure={measure} name={name} />)}</div>
    </>
  );
}

/** Where tickets wait longest. */
function slowest({ stages: rows }: HistoryStages): Stage {
  return rows.reduce<StageTimes | undefined>((most, row) => ((row.waited?.p90 ?? 0) > (most?.waited?.p90 ?? 0) ? row : most), undefined)?.stage ?? stages[0];
}

function Heat({ times, stage, measure, name }: { readonly times: HistoryStages; readonly stage: Stage; readonly measure: Measure; readonly name: string }) {
  const { hours, most, at } = heatOf(times.hours, stage, measure);
  if (hours.length === 0) return measure === "waited" ? <p className="soft">No ticket was done at {stageWords[stage].name.toLowerCase()} in these days.</p> : null;
  const found = (row: string, column: string) => at(row as (typeof weekdays)[number], Number(column));
  const text = (row: string, column: string) => {
    const cell = found(row, column);
    const when = `${weekdayText(row as (typeof weekdays)[number])}, ${hourText(Number(column))}`;
    return cell?.[measure] ? `${when}: half within ${secondsText(cell[measure].p50)}, nine of ten within ${secondsText(cell[measure].p90)} (${cell.tickets.toLocaleString()} tickets)` : `${when}: nothing`;
  };
  return (
    <div className="stack">
      <h3>{name}</h3>
      <HeatMap
        stage={stage}
        rows={weekdays.map((day) => ({ key: day, name: weekdayText(day).slice(0, 2) }))}
        columns={hours.map((hour) => ({ key: String(hour), name: String(hour) }))}
        heat={(row, column) => { const cell = found(row, column)?.[measure]; return cell && (most > 0 ? cell.p50 / most : 0); }}
        textOf={text}
      />
      <p className="heat-scale small soft" data-stage={stage}><span>0 s</span><span className="heat-shades" aria-hidden="true" /><span>{secondsText(most)}</span></p>
      <Behind
        name={`${name} at ${stageWords[stage].name.toLowerCase()}, by weekday and hour`}
        head={["When", "Half within", "Nine of ten within", "Tickets"]}
        rows={weekdays.flatMap((day) => hours.flatMap((hour) => {
          const cell = at(day, hour);
          return cell ? [{ key: `${day} ${hour}`, head: `${weekdayText(day)}, ${hourText(hour)}`, cells: [secondsText(cell[measure]?.p50), secondsText(cell[measure]?.p90), cell.tickets] }] : [];
        }))}
      />
    </div>
  );
}

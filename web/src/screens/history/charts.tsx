import { useState, type CSSProperties, type KeyboardEvent, type ReactNode } from "react";
import { ticksFor } from "../../design/chart";
import { GoTo } from "../../design/GoTo";
import "../../design/chart.css";

/** How a part of a chart is filled; what is lost is striped, so that nobody needs its colour. */
export type Look = "placed" | "due" | "ready" | "lost" | "money" | "waited" | "worked" | "asked";

export function Key({ look }: { readonly look: Look }) {
  return <span className={`chart-key fill-${look}`} aria-hidden="true" />;
}

interface Series {
  readonly name: string;
  readonly look: Look;
}

export interface Column {
  readonly key: string;
  /** What stands below it, if there is room. */
  readonly label: string;
  /** What it is in full. */
  readonly name: string;
  /** A number for each series. */
  readonly values: readonly number[];
  /** Where it leads. The table behind the chart has the same links. */
  readonly href?: string;
}

interface ColumnsProps {
  readonly series: readonly Series[];
  readonly columns: readonly Column[];
  /** Series stand on each other, not side by side. */
  readonly stacked?: boolean;
  readonly textOf?: (value: number) => string;
  /** The numbers beside the lines, if they are written otherwise. */
  readonly tickOf?: (value: number) => string;
  /** How much of a unit of the values one tick counts: 100 if values are cents. */
  readonly unit?: number;
}

const plain = (value: number) => value.toLocaleString();

/** About so many columns get a label. */
const labelled = 5;

/**
 * Bars over time. Whoever points at one, or goes to it with the arrow keys, reads its numbers
 * above; for those who do not see the chart they are in the table behind it.
 */
export function Columns({ series, columns, stacked = false, textOf = plain, tickOf = textOf, unit = 1 }: ColumnsProps) {
  const [pointed, setPointed] = useState<string | null>(null);
  const heights = columns.map(({ values }) => (stacked ? values.reduce((sum, value) => sum + value, 0) : Math.max(0, ...values)));
  const ticks = ticksFor(Math.max(...heights) / unit).map((tick) => tick * unit);
  const most = ticks[0] ?? 1;
  const column = columns.find(({ key }) => key === pointed);
  const every = Math.max(1, Math.ceil(columns.length / labelled));
  const go = (event: KeyboardEvent) => {
    const at = columns.findIndex(({ key }) => key === pointed);
    const next = nextOf(event.key, at, columns.length);
    if (next === undefined) return;
    event.preventDefault();
    setPointed(columns[next]?.key ?? null);
  };
  return (
    <>
      <p className="row chart-legend">
        {series.map(({ name, look }, i) => (
          <span key={name}><Key look={look} /> {name} <b className="numbers">{textOf(column ? column.values[i] ?? 0 : columns.reduce((sum, { values }) => sum + (values[i] ?? 0), 0))}</b></span>
        ))}
        <span className="soft small">{column ? column.name : "in all"}</span>
      </p>
      {/* eslint-disable-next-line jsx-a11y/no-noninteractive-tabindex, jsx-a11y/no-noninteractive-element-interactions -- who sees the chart but has no mouse reads it with the arrow keys */}
      <div className="chart-keys" role="img" aria-label={`Chart: ${series.map(({ name }) => name).join(", ")}. The arrow keys go through it; its numbers are in the table below.`} tabIndex={0} onKeyDown={go} onBlur={() => { setPointed(null); }} />
      <div className="chart-area" aria-hidden="true" onPointerLeave={() => { setPointed(null); }}>
        {ticks.map((tick) => <span key={tick} className="chart-tick numbers small" style={{ bottom: `${(tick / most) * 100}%` }}><span>{tickOf(tick)}</span></span>)}
        <div className={`chart-steps${columns.length > 40 ? " chart-dense" : ""}`}>
          {columns.map(({ key, values, href }) => {
            const bars = values.map((value, i) => <span key={i} className={`fill-${series[i]?.look ?? "ready"}`} style={{ height: `${(value / most) * 100}%` }} />);
            const wiring = { className: `chart-step${stacked ? " chart-stacked" : ""}${key === pointed ? " chart-pointed" : ""}`, onPointerEnter: () => { setPointed(key); } };
            return href ? <GoTo key={key} {...wiring} href={href} tabIndex={-1}>{bars}</GoTo> : <div key={key} {...wiring}>{bars}</div>;
          })}
        </div>
      </div>
      <p className={`chart-labels numbers small soft${columns.length > 40 ? " chart-dense" : ""}`} aria-hidden="true">
        {columns.map(({ key, label }, i) => <span key={key}>{(columns.length - 1 - i) % every === 0 && <span>{label}</span>}</span>)}
      </p>
    </>
  );
}

/** Where a key leads in a chart, if anywhere; −1 is nowhere yet. */
function nextOf(key: string, at: number, length: number): number | undefined {
  switch (key) {
    case "ArrowRight": return Math.min(at + 1, length - 1);
    case "ArrowLeft": return at < 0 ? length - 1 : Math.max(at - 1, 0);
    case "Home": return 0;
    case "End": return length - 1;
    default: return undefined;
  }
}

interface Bar {
  readonly key: string;
  readonly name: ReactNode;
  readonly parts: readonly { readonly look: Look; readonly value: number }[];
  readonly text: ReactNode;
  readonly stage?: string;
}

/** Bars that lie below each other, each with its name and what it says in words: nothing is left to the picture. */
export function Bars({ name, bars }: { readonly name: string; readonly bars: readonly Bar[] }) {
  const most = Math.max(1, ...bars.map(({ parts }) => parts.reduce((sum, { value }) => sum + value, 0)));
  return (
    <ul className="bars" aria-label={name}>
      {bars.map(({ key, name: called, parts, text, stage }) => (
        <li key={key} data-stage={stage}>
          <span className="bar-name">{called}</span>
          <span className="bar-track" aria-hidden="true">{parts.map(({ look, value }, i) => value > 0 && <span key={i} className={`fill-${look}`} style={{ width: `${(value / most) * 100}%` }} />)}</span>
          <span className="bar-text numbers">{text}</span>
        </li>
      ))}
    </ul>
  );
}

interface HeatMapProps {
  readonly rows: readonly { readonly key: string; readonly name: string }[];
  readonly columns: readonly { readonly key: string; readonly name: string }[];
  /** From 0 to 1; undefined where there was nothing. */
  readonly heat: (row: string, column: string) => number | undefined;
  readonly textOf: (row: string, column: string) => string;
  readonly stage: string;
}

/** The darker a field, the more of it. The table behind it has the numbers. */
export function HeatMap({ rows, columns, heat, textOf, stage }: HeatMapProps) {
  const [pointed, setPointed] = useState<string | null>(null);
  return (
    <>
      <p className="small soft heat-said">{pointed ?? "Point at a field to read it; the table below has them all."}</p>
      <div className="heat" data-stage={stage} aria-hidden="true" style={{ "--columns": columns.length } as CSSProperties} onPointerLeave={() => { setPointed(null); }}>
        <span />
        {columns.map(({ key, name }, i) => <span key={key} className="heat-hour numbers">{i % Math.ceil(columns.length / 12) === 0 && <span>{name}</span>}</span>)}
        {rows.map((row) => (
          <div key={row.key} className="heat-row">
            <span className="heat-name">{row.name}</span>
            {columns.map((column) => {
              const share = heat(row.key, column.key);
              return <span key={column.key} className="heat-cell" data-empty={share === undefined || undefined} style={{ "--heat": `${12 + 88 * (share ?? 0)}%` } as CSSProperties} onPointerEnter={() => { setPointed(textOf(row.key, column.key)); }} />;
            })}
          </div>
        ))}
      </div>
    </>
  );
}

export interface TableRow {
  readonly key: string;
  readonly head: ReactNode;
  readonly cells: readonly ReactNode[];
}

/** The same as a chart in numbers, for whoever wants them and for those who cannot see the chart. */
export function Behind({ name, head, rows }: { readonly name: string; readonly head: readonly string[]; readonly rows: readonly TableRow[] }) {
  return (
    <details className="behind">
      <summary className="small">As a table</summary>
      <Table name={`${name}, as a table`} head={head} rows={rows} />
    </details>
  );
}

export function Table({ name, head, rows }: { readonly name: string; readonly head: readonly string[]; readonly rows: readonly TableRow[] }) {
  return (
    // A table wider than a phone scrolls, by keyboard too.
    // eslint-disable-next-line jsx-a11y/no-noninteractive-tabindex
    <div className="table-scroll" tabIndex={0} role="region" aria-label={name}>
      <table className="history-table">
        <thead><tr>{head.map((each) => <th key={each} scope="col">{each}</th>)}</tr></thead>
        <tbody>{rows.map(({ key, head: called, cells }) => <tr key={key}><th scope="row">{called}</th>{cells.map((cell, i) => <td key={i} className="numbers">{cell}</td>)}</tr>)}</tbody>
      </table>
    </div>
  );
}

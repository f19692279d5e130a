import { timeOfDay } from "../../design/time";
import type { Bar } from "./figures";

interface Props {
  readonly title: string;
  readonly bars: readonly Bar[];
  /** The value of the highest bar in all charts beside this one. */
  readonly most: number;
}

const [width, height] = [320, 90];

/** Bars over time, and the same as a list for those who cannot see them. */
export function BarChart({ title, bars, most }: Props) {
  const step = width / Math.max(1, bars.length);
  const total = bars.reduce((sum, bar) => sum + bar.value, 0);
  return (
    <figure className="chart">
      <figcaption><b>{title}</b> <span className="soft numbers">{total} in total</span></figcaption>
      <svg viewBox={`0 0 ${width} ${height + 16}`} aria-hidden="true" focusable="false">
        <line x1="0" x2={width} y1={height + 0.5} y2={height + 0.5} stroke="var(--edge)" />
        {bars.map((bar, i) => {
          const tall = (bar.value / most) * (height - 6);
          return <rect key={bar.at} x={i * step + 1} y={height - tall} width={Math.max(1, step - 2)} height={tall} rx="2" fill="var(--stage)" opacity={i === bars.length - 1 ? 0.6 : 1}><title>{`${timeOfDay(bar.at)}: ${bar.value}`}</title></rect>;
        })}
        {bars[0] && <text x="0" y={height + 14} className="chart-label">{timeOfDay(bars[0].at)}</text>}
        <text x={width} y={height + 14} textAnchor="end" className="chart-label">now</text>
      </svg>
      <ul className="visually-hidden">
        {bars.filter((bar) => bar.value > 0).map((bar) => <li key={bar.at}>{`From ${timeOfDay(bar.at)}: ${bar.value}`}</li>)}
      </ul>
    </figure>
  );
}

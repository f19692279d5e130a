import { ticksFor } from "../../design/chart";
import { timeOfDay } from "../../design/time";
import { countText } from "../../text";
import type { Step } from "./figures";
import "../../design/chart.css";

/** Orders that came in and that became ready, over time, and the same as a list for those who cannot see bars. */
export function OrdersChart({ steps }: { readonly steps: readonly Step[] }) {
  const [first, last] = [steps[0], steps.at(-1)];
  if (!first || !last) return <p className="soft">No order has come in within the last hours. As soon as one does, this shows for every five minutes how many came in and how many became ready.</p>;
  const ticks = ticksFor(Math.max(...steps.flatMap((step) => [step.placed, step.ready])));
  const most = ticks[0] ?? 1;
  const tall = (value: number) => ({ height: `${(value / most) * 100}%` });
  const sum = (of: "placed" | "ready") => steps.reduce((total, step) => total + step[of], 0);
  const labels = [first, steps[Math.floor(steps.length / 3)], steps[Math.floor((2 * steps.length) / 3)]];
  return (
    <figure className="chart">
      <figcaption className="row">
        <span><span className="chart-key chart-placed" aria-hidden="true" /> <b className="numbers">{sum("placed")}</b> came in</span>
        <span><span className="chart-key chart-ready" aria-hidden="true" /> <b className="numbers">{sum("ready")}</b> became ready</span>
        <span className="soft small">since {timeOfDay(first.at)}</span>
      </figcaption>
      <div className="chart-area" aria-hidden="true">
        {ticks.map((tick) => <span key={tick} className="chart-tick numbers small" style={{ bottom: `${(tick / most) * 100}%` }}>{tick}</span>)}
        <div className="chart-steps">
          {steps.map((step) => (
            <span key={step.at} className="chart-step" title={`${timeOfDay(step.at)}: ${step.placed} came in, ${step.ready} became ready`}>
              <span className="chart-placed" style={tall(step.placed)} /><span className="chart-ready" style={tall(step.ready)} />
            </span>
          ))}
        </div>
      </div>
      <p className="chart-times numbers small soft" aria-hidden="true">{labels.map((step) => <span key={step?.at}>{step && timeOfDay(step.at)}</span>)}<span>now</span></p>
      <ul className="visually-hidden">
        {steps.filter((step) => step.placed + step.ready > 0).map((step) => <li key={step.at}>{`From ${timeOfDay(step.at)}: ${countText(step.placed, "order")} came in, ${step.ready} became ready`}</li>)}
      </ul>
    </figure>
  );
}

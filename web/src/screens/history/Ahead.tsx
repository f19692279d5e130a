import { keepPreviousData, useQuery } from "@tanstack/react-query";
import { historyFile } from "../../api/client";
import type { FlavourForecast, HistoryBottleneck, HistoryForecast } from "../../api/schema.gen";
import { Cupcake } from "../../design/Cupcake";
import { StageIcon, stageWords } from "../../design/stages";
import { dayAfter, dayText } from "../../design/time";
import { useLive } from "../../live/hooks";
import { countText } from "../../text";
import { useFlavourNames } from "../useFlavourNames";
import { Block } from "./Block";
import { Behind, Key } from "./charts";
import { DayPicker } from "./DayPicker";
import { bottleneckQuery, forecastQuery } from "./queries";
import { useRefetchNowAndThen } from "./useRefetchNowAndThen";
import { secondsText, weekdayText } from "./words";

/** Who holds up the others now, and how much a day to come is likely to need. */
export function Ahead({ day: chosen, today }: { readonly day: string | undefined; readonly today: string }) {
  const tomorrow = dayAfter(today, 1);
  const day = chosen ?? tomorrow;
  const now = useQuery(bottleneckQuery);
  const forecast = useQuery({ ...forecastQuery(day), placeholderData: keepPreviousData });
  const { version } = useLive("kitchen");
  useRefetchNowAndThen(version, now.refetch);
  return (
    <div className="history-grid">
      <Block wide title="The bottleneck now" asked={now} file={historyFile("bottleneck")}>{(data) => <Bottleneck now={data} />}</Block>
      <Block
        wide
        title={`Forecast for ${dayText(day)}`}
        asked={forecast}
        file={historyFile("forecast", { day })}
        tools={<DayPicker day={day} usual={{ day: tomorrow, name: "Tomorrow" }} to={(other) => ({ tab: "ahead", ...(other && { day: other }) })} />}
      >
        {(data) => <div className={forecast.isPlaceholderData ? "history-old stack" : "stack"}><Forecast forecast={data} /></div>}
      </Block>
    </div>
  );
}

function Bottleneck({ now: { stage, stages } }: { readonly now: HistoryBottleneck }) {
  const most = Math.max(1, ...stages.map(({ clearSeconds }) => clearSeconds ?? 0));
  const slow = stages.find((each) => each.stage === stage);
  return (
    <>
      <p className="verdict">
        {slow ? <><b data-stage={slow.stage} className="verdict-stage">{stageWords[slow.stage].name}</b> holds up the others: {countText(slow.waiting, "ticket")} {slow.waiting === 1 ? "waits" : "wait"} there{slow.clearSeconds !== undefined && <>, and clearing {slow.waiting === 1 ? "it" : "them"} takes about {secondsText(slow.clearSeconds)}</>}.</> : stages.some(({ asked }) => asked > 0) ? "Nothing waits but for a manager." : "Nothing waits anywhere."}
      </p>
      <ul className="loads">
        {stages.map((load) => (
          <li key={load.stage} className={`load${load.stage === stage ? " load-slow" : ""}`} data-stage={load.stage}>
            <h3><StageIcon stage={load.stage} /> {stageWords[load.stage].name} {load.stage === stage && <span className="badge badge-warn">bottleneck</span>}</h3>
            <p><b className="load-clear numbers">{load.clearSeconds === 0 ? "Nothing" : secondsText(load.clearSeconds)}</b> <span className="soft small">{load.clearSeconds === 0 ? "waits" : "to clear what waits"}</span></p>
            <span className="bar-track" aria-hidden="true"><span className="fill-worked" style={{ width: `${((load.clearSeconds ?? 0) / most) * 100}%` }} /></span>
            <dl className="small">
              <div><dt>Waiting</dt><dd className="numbers">{load.waiting}{load.oldestWaitingSeconds !== undefined && <span className="soft">, oldest {secondsText(load.oldestWaitingSeconds)}</span>}</dd></div>
              {load.asked > 0 && <div><dt>Waiting for a manager</dt><dd className="numbers">{load.asked}</dd></div>}
              <div><dt>In hand</dt><dd className="numbers">{load.inHand}</dd></div>
              <div><dt>Last hour</dt><dd className="numbers">{load.arrivedLastHour} came, {load.doneLastHour} done</dd></div>
              <div><dt>A ticket takes</dt><dd className="numbers">{secondsText(load.typicalInHandSeconds)}</dd></div>
              <div><dt>At work</dt><dd className="numbers">{load.people === 0 ? "nobody lately" : countText(load.people, "worker")}</dd></div>
            </dl>
          </li>
        ))}
      </ul>
    </>
  );
}

function Forecast({ forecast: { weekday, weeks, flavours } }: { readonly forecast: HistoryForecast }) {
  const nameOf = useFlavourNames();
  if (flavours.length === 0) return <p className="soft">There is no {weekdayText(weekday)} in the ledger yet, and nothing is ordered for this day. From the first week on this tells how much of each flavour is likely to be needed.</p>;
  const most = Math.max(1, ...flavours.flatMap(({ high, ordered, pieces }) => [high, ordered, pieces]));
  const sum = (of: (row: FlavourForecast) => number) => flavours.reduce((total, row) => total + of(row), 0);
  return (
    <>
      <p>
        {weeks > 0 ? <>About <b className="numbers">{countText(sum(({ pieces }) => pieces), "piece")}</b> {sum(({ pieces }) => pieces) === 1 ? "is" : "are"} expected, going by the last {weeks === 1 ? weekdayText(weekday) : `${weeks} ${weekdayText(weekday)}s`}; </> : <>There is no {weekdayText(weekday)} in the ledger yet; </>}
        <b className="numbers">{sum(({ ordered }) => ordered).toLocaleString()}</b> {sum(({ ordered }) => ordered) === 1 ? "is" : "are"} ordered already.
      </p>
      <p className="row chart-legend small"><span><Key look="placed" /> ordered</span><span><span className="chart-key forecast-range-key" aria-hidden="true" /> least to most in those weeks</span><span><span className="forecast-mean-key" aria-hidden="true" /> expected</span></p>
      <ul className="bars forecast" aria-label="Forecast by flavour">
        {flavours.map(({ flavour, pieces, low, high, ordered }) => (
          <li key={flavour}>
            <span className="bar-name"><span className="bar-picture"><Cupcake flavour={flavour} size="M" /></span> <span className="wrap-anywhere">{nameOf(flavour)}</span></span>
            <span className="forecast-track" aria-hidden="true">
              <span className="forecast-range" style={{ left: `${(low / most) * 100}%`, width: `${((high - low) / most) * 100}%` }} />
              <span className="forecast-ordered" style={{ width: `${(ordered / most) * 100}%` }} />
              {weeks > 0 && <span className="forecast-mean" style={{ left: `${(pieces / most) * 100}%` }} />}
            </span>
            <span className="bar-text numbers">{weeks > 0 && <><b>{pieces.toLocaleString()}</b> <span className="soft">({low.toLocaleString()}–{high.toLocaleString()})</span>, </>}{ordered === 0 ? "none" : ordered.toLocaleString()} ordered</span>
          </li>
        ))}
      </ul>
      <Behind name="Forecast" head={["Flavour", "Expected", "Least", "Most", "Ordered"]} rows={flavours.map(({ flavour, pieces, low, high, ordered }) => ({ key: flavour, head: nameOf(flavour), cells: [pieces, low, high, ordered] }))} />
    </>
  );
}

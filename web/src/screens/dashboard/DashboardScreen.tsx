import { useQuery } from "@tanstack/react-query";
import { getRouteApi, Link } from "@tanstack/react-router";
import { statisticsQuery } from "../../api/queries";
import type { KitchenCounts, Session, StageCounts, Statistics } from "../../api/schema.gen";
import { Failure, Loading } from "../../design/feedback";
import { StageIcon, stageWords } from "../../design/stages";
import { spanText } from "../../design/time";
import { useLive, useTime } from "../../live/hooks";
import { countText } from "../../text";
import { KitchenButton } from "../kitchen/KitchenDialog";
import { PausedNotice } from "../kitchen/Paused";
import { StaffLayout } from "../StaffLayout";
import { StationAlarms } from "../StationAlarms";
import { useReasonLabels } from "../useReasonLabels";
import { useRefetchOnChange } from "../useRefetchOnChange";
import { BarChart } from "./BarChart";
import { stageTimes, throughput } from "./figures";
import { QueueList } from "./QueueList";
import "./dashboard.css";

const route = getRouteApi("/dashboard");

export function DashboardScreen() {
  const { session } = route.useRouteContext();
  const { kitchen, version, problem } = useLive("kitchen");
  const statistics = useQuery(statisticsQuery);
  useRefetchOnChange(version, statistics.refetch);
  return (
    <StaffLayout title="Dashboard" session={session} problem={problem} tools={<KitchenButton session={session} />}>
      <div className="stack dashboard">
        <h1>Dashboard</h1>
        {kitchen ? <Now kitchen={kitchen} session={session} /> : problem ? <Failure error={problem} /> : <Loading what="the kitchen" bars={2} />}
        {kitchen && <QueueList version={version} />}
        {statistics.data ? <Lately statistics={statistics.data} /> : statistics.error ? <Failure error={statistics.error} retry={() => void statistics.refetch()} /> : <Loading what="the figures" bars={2} />}
      </div>
    </StaffLayout>
  );
}

/** How much there is to do at this moment. */
function Now({ kitchen, session }: { readonly kitchen: KitchenCounts; readonly session: Session }) {
  const { orders } = kitchen;
  return (
    <>
      <StationAlarms stages={kitchen.stages} />
      {kitchen.state.paused.map((paused) => <PausedNotice key={paused.stage} paused={paused} named />)}
      <section aria-label="Open orders">
        <dl className="tiles">
          <div className="tile"><dt>In progress</dt><dd className="numbers">{orders?.inProgress ?? "–"}</dd></div>
          <div className={`tile${orders && orders.needsAttention > 0 ? " tile-bad" : ""}`}>
            <dt>{session.role === "manager" ? <Link to="/attention">Need attention</Link> : "Need attention"}</dt>
            <dd className="numbers">{orders?.needsAttention ?? "–"}</dd>
          </div>
          <div className="tile"><dt>Being cancelled</dt><dd className="numbers">{orders?.cancelling ?? "–"}</dd></div>
          <div className="tile"><dt><Link to="/counter">Not collected</Link></dt><dd className="numbers">{kitchen.state.uncollected}</dd></div>
        </dl>
        {!orders && <p className="soft small">Open orders cannot be counted at the moment, because Temporal is not answering. The stations carry on.</p>}
      </section>
      <section aria-labelledby="flow">
        <h2 id="flow">Through the kitchen</h2>
        <ol className="flow">{kitchen.stages.map((stage) => <StageTile key={stage.stage} counts={stage} />)}</ol>
      </section>
    </>
  );
}

function StageTile({ counts }: { readonly counts: StageCounts }) {
  const { stage, waiting, started, failed, oldest } = counts;
  const age = useTime((now) => (oldest ? `Oldest: ${spanText(now - Date.parse(oldest))}` : "Nothing open"));
  return (
    <li className="flow-stage" data-stage={stage}>
      <h3><StageIcon stage={stage} /> {stageWords[stage].name}</h3>
      <dl>
        <div><dt>Waiting</dt><dd className="numbers">{waiting}</dd></div>
        <div><dt>In hand</dt><dd className="numbers">{started}</dd></div>
        <div><dt>Failed</dt><dd className="numbers">{failed}</dd></div>
      </dl>
      <p className="soft small">{age}</p>
    </li>
  );
}

/** What the last hours were like. */
function Lately({ statistics }: { readonly statistics: Statistics }) {
  const most = Math.max(1, ...statistics.stages.flatMap((stage) => throughput(statistics, stage).map((bar) => bar.value)));
  return (
    <>
      <section aria-labelledby="throughput">
        <h2 id="throughput">Tickets done per quarter of an hour</h2>
        <div className="charts">
          {statistics.stages.map((stage) => (
            <div key={stage.stage} data-stage={stage.stage} className="card chart-card">
              <BarChart title={stageWords[stage.stage].name} bars={throughput(statistics, stage)} most={most} />
            </div>
          ))}
        </div>
      </section>
      <section aria-labelledby="times" className="card">
        <h2 id="times">How long a ticket took</h2>
        <TimesTable statistics={statistics} />
      </section>
      <section aria-labelledby="failures" className="card">
        <h2 id="failures">Why work failed</h2>
        <Failures statistics={statistics} />
      </section>
    </>
  );
}

function TimesTable({ statistics }: { readonly statistics: Statistics }) {
  const rows = statistics.stages.map((stage) => ({ stage: stage.stage, ...stageTimes(stage) }));
  const longest = Math.max(1, ...rows.map((row) => (row.wait ?? 0) + (row.work ?? 0)));
  return (
    // A table wider than a phone scrolls, by keyboard too.
    // eslint-disable-next-line jsx-a11y/no-noninteractive-tabindex
    <div className="table-scroll" tabIndex={0} role="region" aria-label="How long a ticket took, by stage">
      <table>
        <thead>
          <tr><th scope="col">Stage</th><th scope="col">Done</th><th scope="col">Failed</th><th scope="col">Waited</th><th scope="col">In hand</th><td className="times-bar-cell" /></tr>
        </thead>
        <tbody>
          {rows.map((row) => (
            <tr key={row.stage} data-stage={row.stage}>
              <th scope="row">{stageWords[row.stage].name}</th>
              <td className="numbers">{row.done}</td>
              <td className="numbers">{row.failed}</td>
              <td className="numbers">{row.wait === undefined ? "–" : spanText(row.wait)}</td>
              <td className="numbers">{row.work === undefined ? "–" : spanText(row.work)}</td>
              <td className="times-bar-cell" aria-hidden="true">
                <div className="times-bar">
                  <span className="times-wait" style={{ width: `${((row.wait ?? 0) / longest) * 100}%` }} />
                  <span className="times-work" style={{ width: `${((row.work ?? 0) / longest) * 100}%` }} />
                </div>
              </td>
            </tr>
          ))}
        </tbody>
      </table>
    </div>
  );
}

function Failures({ statistics }: { readonly statistics: Statistics }) {
  const labelOf = useReasonLabels();
  const most = Math.max(1, ...statistics.failures.map((failure) => failure.count));
  if (statistics.failures.length === 0) return <p className="soft">Nothing has failed in the last few hours.</p>;
  return (
    <ul className="failures">
      {statistics.failures.slice(0, 12).map((failure) => (
        <li key={`${failure.stage} ${failure.reason}`} data-stage={failure.stage}>
          <span className="wrap-anywhere"><b>{labelOf(failure.reason)}</b> at {stageWords[failure.stage].name}</span>
          <span className="failure-bar" aria-hidden="true"><span style={{ width: `${(failure.count / most) * 100}%` }} /></span>
          <span className="numbers">{failure.count}{failure.scrapped > 0 ? `; ${countText(failure.scrapped, "piece")} scrapped` : ""}</span>
        </li>
      ))}
    </ul>
  );
}

import { useQuery } from "@tanstack/react-query";
import { getRouteApi, Link } from "@tanstack/react-router";
import { useState } from "react";
import { statisticsQuery } from "../../api/queries";
import type { KitchenCounts, Session, ShippedToday, StageCounts, Statistics } from "../../api/schema.gen";
import { Failure, Loading } from "../../design/feedback";
import { GoTo } from "../../design/GoTo";
import { StageIcon, stageWords } from "../../design/stages";
import { spanText } from "../../design/time";
import { useLive, useLiveConnection, useTime } from "../../live/hooks";
import { moneyText } from "../../prices";
import { rolesAt } from "../../staff";
import { countText } from "../../text";
import { KitchenButton } from "../kitchen/KitchenDialog";
import { PausedNotice } from "../kitchen/Paused";
import { StaffLayout } from "../StaffLayout";
import { StationAlarms } from "../StationAlarms";
import { useReasonLabels } from "../useReasonLabels";
import { useRefetchOnChange } from "../useRefetchOnChange";
import { NotCollected, useDay } from "./Day";
import { orderFlow, stageTimes } from "./figures";
import { OrdersChart } from "./OrdersChart";
import { QueueList } from "./QueueList";
import "./dashboard.css";

const route = getRouteApi("/dashboard");

export function DashboardScreen() {
  const { session } = route.useRouteContext();
  const { kitchen, version, problem } = useLive("kitchen");
  const statistics = useQuery(statisticsQuery);
  useRefetchOnChange(version, statistics.refetch);
  const day = useDay(kitchen);
  return (
    <StaffLayout title="Dashboard" session={session} problem={problem} tools={<KitchenButton session={session} />}>
      <div className="stack dashboard">
        <h1>Dashboard</h1>
        {kitchen ? <Now kitchen={kitchen} session={session} today={day.data?.today} /> : problem ? <Failure error={problem} /> : <Loading what="the kitchen" bars={2} />}
        <div className="dashboard-columns">
          {statistics.data ? <Lately statistics={statistics.data} /> : statistics.error ? <Failure error={statistics.error} retry={() => void statistics.refetch()} /> : <Loading what="the figures" bars={2} />}
          <NotCollected ready={day.data} error={day.error} />
        </div>
        {kitchen && <QueueList version={version} />}
      </div>
    </StaffLayout>
  );
}

/** How much there is to do at this moment. */
function Now({ kitchen, session, today }: { readonly kitchen: KitchenCounts; readonly session: Session; readonly today: ShippedToday | undefined }) {
  const { orders } = kitchen;
  const attention = orders?.needsAttention ?? 0;
  // They are counted for whoever comes first, which takes a moment.
  const { clock } = useLiveConnection();
  const [opened] = useState(() => clock.now());
  const isLong = useTime((now) => now - opened > 3000);
  const scheduled = (orders as { readonly scheduled?: number } | undefined)?.scheduled;
  return (
    <>
      <StationAlarms stages={kitchen.stages} />
      {kitchen.state.paused.map((paused) => <PausedNotice key={paused.stage} paused={paused} named />)}
      <section aria-label="Open orders">
        <ul className="tiles">
          <Tile name="In progress" href="/find?state=in-progress">{orders?.inProgress}</Tile>
          {scheduled !== undefined && <Tile name="For later" href="/find?state=scheduled">{scheduled}</Tile>}
          <Tile name="Need attention" isBad={attention > 0} href={session.role === "manager" ? "/attention" : "/find?state=needs-attention"}>{orders?.needsAttention}</Tile>
          <Tile name="Being cancelled" href="/find?state=cancelling">{orders?.cancelling}</Tile>
          <Tile name="Not collected" href="/counter">{kitchen.state.uncollected}</Tile>
          <Tile name="Ready today" href="/find?state=shipped&day=today">{today?.shipped}</Tile>
          {today?.total && <Tile name="Made today" href="/find?state=shipped&day=today">{moneyText(today.total, today.total.amount)}</Tile>}
        </ul>
        {!orders && isLong && <p className="soft small">Open orders cannot be counted at the moment, because Temporal is not answering. The stations carry on.</p>}
      </section>
      <section aria-labelledby="flow">
        <h2 id="flow">Through the kitchen</h2>
        <Flow stages={kitchen.stages} session={session} />
      </section>
    </>
  );
}

interface TileProps {
  readonly name: string;
  readonly href: string;
  readonly isBad?: boolean;
  readonly children: number | string | undefined;
}

/** A number that leads to what it counts. */
function Tile({ name, href, isBad = false, children }: TileProps) {
  return (
    <li>
      <GoTo className={`tile${isBad ? " tile-bad" : ""}${typeof children === "string" ? " tile-long" : ""}`} href={href}>
        <span className="tile-name">{name}</span> <b className="numbers">{children ?? "–"}</b>
      </GoTo>
    </li>
  );
}

function Flow({ stages, session }: { readonly stages: readonly StageCounts[]; readonly session: Session }) {
  const most = Math.max(1, ...stages.map((stage) => stage.waiting + stage.started + stage.failed));
  return <ol className="flow">{stages.map((stage) => <StageTile key={stage.stage} counts={stage} most={most} isMine={rolesAt(stage.stage).includes(session.role)} />)}</ol>;
}

function StageTile({ counts, most, isMine }: { readonly counts: StageCounts; readonly most: number; readonly isMine: boolean }) {
  const { stage, waiting, started, failed, oldest } = counts;
  const age = useTime((now) => (oldest ? `Oldest: ${spanText(now - Date.parse(oldest))}` : "Nothing open"));
  const name = <><StageIcon stage={stage} /> {stageWords[stage].name}</>;
  const wide = (count: number) => ({ width: `${(count / most) * 100}%` });
  return (
    <li className="flow-stage" data-stage={stage}>
      <h3>{isMine ? <Link to="/stations/$stage" params={{ stage }}>{name}</Link> : name}</h3>
      <dl>
        <div><dt>Waiting</dt><dd className="numbers">{waiting}</dd></div>
        <div><dt>In hand</dt><dd className="numbers">{started}</dd></div>
        <div><dt>Failed</dt><dd className="numbers">{failed}</dd></div>
      </dl>
      <div className="flow-bar" aria-hidden="true"><span className="flow-waiting" style={wide(waiting)} /><span className="flow-started" style={wide(started)} /><span className="flow-failed" style={wide(failed)} /></div>
      <p className="soft small">{age}</p>
    </li>
  );
}

/** What the last hours were like. */
function Lately({ statistics }: { readonly statistics: Statistics }) {
  return (
    <>
      <section aria-labelledby="orders" className="card stack">
        <h2 id="orders">Orders, every five minutes</h2>
        <OrdersChart steps={orderFlow(statistics)} />
      </section>
      <section aria-labelledby="times" className="card">
        <h2 id="times">How long a ticket takes</h2>
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
  if (rows.every((row) => row.done === 0)) return <p className="soft">No ticket is done yet. Then this shows how long tickets wait and are in hand at each stage, lately and usually.</p>;
  const longest = Math.max(1, ...rows.flatMap((row) => [row.recent.work ?? 0, row.usual.work ?? 0]));
  return (
    <>
      <p className="soft small">In the last half hour, and in brackets in the last {spanText(statistics.stepSeconds * 1000 * (statistics.stages[0]?.steps.length ?? 0))}. The line in a bar is what is usual.</p>
      {/* A table wider than a phone scrolls, by keyboard too. */}
      {/* eslint-disable-next-line jsx-a11y/no-noninteractive-tabindex */}
      <div className="table-scroll" tabIndex={0} role="region" aria-label="How long a ticket takes, by stage">
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
                <td className="numbers">{timesText(row.recent.wait, row.usual.wait)}</td>
                <td className="numbers">{timesText(row.recent.work, row.usual.work)} {row.isSlow && <span className="badge badge-warn">slower than usual</span>}</td>
                <td className="times-bar-cell" aria-hidden="true">
                  <div className="times-bar">
                    <span className="times-work" style={{ width: `${((row.recent.work ?? 0) / longest) * 100}%` }} />
                    {row.usual.work !== undefined && <span className="times-usual" style={{ left: `${(row.usual.work / longest) * 100}%` }} />}
                  </div>
                </td>
              </tr>
            ))}
          </tbody>
        </table>
      </div>
    </>
  );
}

function timesText(recent: number | undefined, usual: number | undefined): string {
  return usual === undefined ? "–" : `${recent === undefined ? "–" : spanText(recent)} (${spanText(usual)})`;
}

function Failures({ statistics }: { readonly statistics: Statistics }) {
  const labelOf = useReasonLabels();
  const most = Math.max(1, ...statistics.failures.map((failure) => failure.count));
  if (statistics.failures.length === 0) return <p className="soft">Nothing has failed in the last hours. If something does, this shows what, where, and how much was scrapped.</p>;
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

import { useQuery } from "@tanstack/react-query";
import { Link } from "@tanstack/react-router";
import { useRef, type ReactNode } from "react";
import { sessionQuery } from "../../api/queries";
import type { Overview, OverviewNews, OverviewReady, OverviewStage, OverviewTicket } from "../../api/schema.gen";
import { ConnectionBadge, ConnectionBanner } from "../../design/Connection";
import { Cupcake } from "../../design/Cupcake";
import { Empty, Failure, Loading } from "../../design/feedback";
import { Layout } from "../../design/Layout";
import { StageIcon, stageWords } from "../../design/stages";
import { spanText, timeOfDay } from "../../design/time";
import { urgencyOf, urgencyWords } from "../../due";
import { useLive, useTime } from "../../live/hooks";
import { Stopwatch } from "../../live/Stopwatch";
import { countText } from "../../text";
import { StaffLayout } from "../StaffLayout";
import { useFlavourNames } from "../useFlavourNames";
import { useReasonLabels } from "../useReasonLabels";
import { lateOf, makeOf, piecesOf } from "./overview";
import { useMoves } from "./useMoves";
import "./overview.css";

/** The whole kitchen on one screen: every order is a cupcake that moves from bowl to box. */
export function OverviewScreen() {
  const session = useQuery(sessionQuery).data;
  const { overview, problem } = useLive("overview");
  const isForStaff = problem?.is("/problems/not-signed-in") ?? false;
  const frame = (content: ReactNode) =>
    session ? (
      <StaffLayout title="Overview" session={session} problem={problem}>{content}</StaffLayout>
    ) : (
      <Layout title="Overview" width="wide" banner={<ConnectionBanner />} nav={<Link to="/sign-in" search={{ to: "/kitchen" }}>Staff sign-in</Link>} tools={<ConnectionBadge />}>{content}</Layout>
    );
  if (isForStaff) return frame(<Empty title="The overview is for staff"><p><Link to="/sign-in" search={{ to: "/kitchen" }}>Sign in</Link> to see the kitchen.</p></Empty>);
  if (overview) return frame(<Kitchen overview={overview} />);
  return frame(problem ? <Failure error={problem} /> : <Loading what="the kitchen" bars={3} />);
}

function Kitchen({ overview }: { readonly overview: Overview }) {
  const lanes = useRef<HTMLDivElement>(null);
  useMoves(lanes, overview);
  const late = useTime((now) => overview.stages.reduce((sum, stage) => sum + lateOf(stage, now), 0));
  const open = overview.stages.reduce((sum, stage) => sum + stage.waiting + stage.started + stage.failed, 0);
  const inSight = overview.stages.reduce((sum, stage) => sum + stage.tickets.length, 0);
  return (
    <div className="overview">
      <header className="overview-head">
        <h1>The kitchen</h1>
        <p className="soft">{countText(open, "ticket")}{open === inSight ? `, ${countText(piecesOf(overview), "cupcake")}` : ""}</p>
        <p className="overview-numbers">
          <span className="badge badge-good numbers">{overview.ready.length} ready</span>
          {late > 0 && <span className="badge badge-due-late numbers">{late} late</span>}
        </p>
      </header>
      <div className="lanes" ref={lanes}>
        {overview.stages.map((stage) => <Lane key={stage.stage} lane={stage} />)}
        <ReadyLane ready={overview.ready} />
      </div>
      <Ticker news={overview.news} />
    </div>
  );
}

function Lane({ lane }: { readonly lane: OverviewStage }) {
  const { stage, waiting, started, failed, tickets } = lane;
  const inHand = tickets.filter((ticket) => ticket.state === "started");
  const others = tickets.filter((ticket) => ticket.state !== "started");
  const hidden = waiting + started + failed - tickets.length;
  const oldest = useTime((now) => {
    const since = others.filter((ticket) => ticket.state === "waiting").map((ticket) => Date.parse(ticket.since));
    return since.length > 0 ? `, oldest ${spanText(now - Math.min(...since))}` : "";
  });
  return (
    <section className="lane" data-stage={stage} aria-label={stageWords[stage].name}>
      <h2><StageIcon stage={stage} /> {stageWords[stage].name}</h2>
      <p className="soft small">{waiting === 0 ? "Nothing waits" : `${waiting} waiting${oldest}`}</p>
      <ul className="lane-orders" aria-label="Waiting">
        {others.map((ticket) => <Piece key={ticket.pickupCode + ticket.kind} ticket={ticket} lane={lane} />)}
        {hidden > 0 && <li className="lane-more soft">+ {hidden} more</li>}
      </ul>
      <ul className="lane-orders lane-hands" aria-label="In hand">
        {inHand.map((ticket) => <Piece key={ticket.pickupCode + ticket.kind} ticket={ticket} lane={lane} />)}
        {inHand.length === 0 && <li className="soft small">Nobody is working here.</li>}
      </ul>
    </section>
  );
}

function Piece({ ticket, lane }: { readonly ticket: OverviewTicket; readonly lane: OverviewStage }) {
  const { pickupCode, state, flavour, pieces, by, startedAt, kind } = ticket;
  const urgency = useTime((now) => urgencyOf(ticket, lane, now));
  const isUndo = kind === "undo";
  return (
    <li className="piece" data-code={isUndo ? undefined : pickupCode} data-state={state} data-due={urgency} data-undo={isUndo}>
      <Cupcake flavour={flavour} size="XL" make={makeOf(lane.stage, state)} />
      <b className="code" translate="no">{pickupCode}</b>
      <span className="small numbers">{countText(pieces, "piece")}</span>
      {urgency !== "none" && <span className={`badge badge-due-${urgency}`}>{urgencyWords[urgency]}</span>}
      {isUndo && <span className="badge badge-bad">cancelled</span>}
      {state === "failed" && <span className="badge badge-bad">failed</span>}
      {state === "started" && startedAt && <span className="small"><span className="one-line piece-by" translate="no">{by}</span> <Stopwatch since={startedAt} /></span>}
    </li>
  );
}

function ReadyLane({ ready }: { readonly ready: readonly OverviewReady[] }) {
  return (
    <section className="lane lane-ready" aria-label="Ready">
      <h2>Ready</h2>
      <p className="soft small">{ready.length === 0 ? "Nothing in the last half hour" : "In the last half hour"}</p>
      <ul className="lane-orders">
        {ready.map(({ pickupCode, flavour }) => (
          <li key={pickupCode} className="piece" data-code={pickupCode}>
            <Cupcake flavour={flavour} size="XL" make="boxed" />
            <b className="code" translate="no">{pickupCode}</b>
          </li>
        ))}
      </ul>
    </section>
  );
}

/** What has happened, the newest first. */
function Ticker({ news }: { readonly news: readonly OverviewNews[] }) {
  const labelOf = useReasonLabels();
  const nameOf = useFlavourNames();
  const told = ({ kind, flavour = "", pieces = 0, stage, reason = "other" }: OverviewNews) => {
    switch (kind) {
      case "placed":
        return `${pieces} ${nameOf(flavour)} ordered`;
      case "failed":
        return stage ? `${labelOf(reason)} at ${stageWords[stage].name}` : labelOf(reason);
      case "remade":
        return "starts again: a fresh batch";
      case "cancelled":
        return "cancelled";
      case "ready":
        return "ready";
    }
  };
  return (
    <ul className="ticker small" aria-label="What happened">
      {news.length === 0 && <li className="soft">Nothing has happened yet.</li>}
      {news.map((each) => (
        <li key={`${each.pickupCode} ${each.kind} ${each.stage ?? ""} ${each.pass ?? 0} ${each.attempt ?? 0}`} data-kind={each.kind}>
          <span className="numbers">{timeOfDay(each.at)}</span> <b className="code" translate="no">{each.pickupCode}</b> {told(each)}
        </li>
      ))}
    </ul>
  );
}

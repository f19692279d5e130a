import { useQuery } from "@tanstack/react-query";
import type { HistoryDelay } from "../../api/schema.gen";
import { Failure, Loading } from "../../design/feedback";
import { GoTo } from "../../design/GoTo";
import { StageBadge, stageWords } from "../../design/stages";
import { countText } from "../../text";
import { Key, Table } from "./charts";
import { lengthOf, partsOf, type Part } from "./figures";
import { delayQuery } from "./queries";
import { hrefOf } from "./search";
import { delayText, extraText, secondsText } from "./words";

/** Why an order was late: its way stage by stage, against what is usual. */
export function Delay({ id }: { readonly id: string }) {
  const { data, error, refetch } = useQuery(delayQuery(id));
  if (!data) return error ? <Failure error={error} retry={() => void refetch()} /> : <Loading what="why it was late" bars={2} />;
  return <Explained delay={data} />;
}

const looks = { waited: "waiting", worked: "in hand", asked: "waiting for a manager" } as const;

function Explained({ delay }: { readonly delay: HistoryDelay }) {
  const { own, usual } = partsOf(delay);
  const most = Math.max(1, lengthOf(own), lengthOf(usual));
  const { stage, steps, decisionSeconds } = delay;
  return (
    <div className="stack">
      <p>{delayText(delay)}</p>
      <p className="row chart-legend small">{(["waited", "worked", ...(decisionSeconds > 0 ? ["asked" as const] : [])] as const).map((look) => <span key={look} data-stage={stage ?? "bake"}><Key look={look} /> {looks[look]}</span>)}</p>
      <dl className="ways">
        <Way name="This order" parts={own} most={most} />
        <Way name="Usually" parts={usual} most={most} />
      </dl>
      <Table
        name="Stage by stage"
        head={["Stage", "Waited", "In hand", "Against the usual", "What happened", "Who", "Tray"]}
        rows={steps.map((step) => ({
          key: `${step.stage} ${step.pass} ${step.kind}`,
          head: <><StageBadge stage={step.stage} />{step.kind === "undo" ? " cleared away" : step.pass > 1 ? ` again (${step.pass})` : ""}</>,
          cells: [
            <Against key="waited" own={step.waitedSeconds} usual={step.usualWaitedSeconds} />,
            <Against key="hand" own={step.inHandSeconds} usual={step.usualInHandSeconds} />,
            <span key="extra" className={step.extraSeconds >= 60 ? "extra-bad" : undefined}>{extraText(step.extraSeconds)}</span>,
            [...(step.failures > 0 ? [`failed ${countText(step.failures, "time")}`] : []), ...(step.silentSeconds > 0 ? [`${secondsText(step.silentSeconds)} without a sign`] : []), ...(step.askedSeconds > 0 ? [`${secondsText(step.askedSeconds)} ${looks.asked}`] : [])].join(", ") || "–",
            step.worker ? <span key="who" dir="auto" translate="no">{step.worker}</span> : "–",
            step.kind === "make" && step.worker ? <GoTo key="tray" href={hrefOf({ tab: "trace", ticket: `${delay.orderId}.${step.stage}.${step.pass}` })} aria-label={`Who else was on the tray at ${stageWords[step.stage].name.toLowerCase()}`}>Who else?</GoTo> : "–",
          ],
        }))}
      />
      {decisionSeconds > 0 && <p className="small soft">Of this it waited {secondsText(decisionSeconds)} for a manager’s decision.</p>}
    </div>
  );
}

/** A time with the usual in brackets. */
function Against({ own, usual }: { readonly own: number | undefined; readonly usual: number | undefined }) {
  return <>{secondsText(own)} {usual !== undefined && <span className="soft">({secondsText(usual)})</span>}</>;
}

function Way({ name, parts, most }: { readonly name: string; readonly parts: readonly Part[]; readonly most: number }) {
  return (
    <div>
      <dt>{name} <b className="numbers">{parts.length > 0 ? secondsText(lengthOf(parts)) : "not known"}</b></dt>
      <dd className="way" aria-hidden="true">
        {parts.map(({ key, look, stage, seconds }) => (
          <span key={key} className={`fill-${look}`} data-stage={stage} style={{ width: `${(seconds / most) * 100}%` }} title={`${stage ? `${stageWords[stage].name}, ` : ""}${looks[look]}: ${secondsText(seconds)}`}>
            {look === "worked" && stage && seconds / most > 0.08 && <span className="way-name">{stageWords[stage].name}</span>}
          </span>
        ))}
      </dd>
    </div>
  );
}

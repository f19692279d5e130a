import { StageIcon, stageWords } from "../../design/stages";
import { spanText, timeOfDay } from "../../design/time";
import { useTime } from "../../live/hooks";
import type { Step } from "./progress";

interface StepProps {
  readonly isOpen: boolean;
  /** What people call a reason. */
  readonly labelOf: (reason: string) => string;
}

/** The stages as a line, each with who is or was at work and when. */
export function Steps({ steps, ...rest }: { readonly steps: readonly Step[] } & StepProps) {
  return (
    <ol className="steps">
      {steps.map((step) => <StepRow key={step.stage} step={step} {...rest} />)}
    </ol>
  );
}

function StepRow({ step, isOpen, labelOf }: { readonly step: Step } & StepProps) {
  const words = useTime((now) => wordsOf(step, now, labelOf));
  return (
    <li className="step" data-stage={step.stage} data-look={step.look} aria-current={isOpen && (step.look === "working" || step.look === "waiting") ? "step" : undefined}>
      <span className="step-mark"><StageIcon stage={step.stage} /></span>
      <div>
        <b>{stageWords[step.stage].name}</b>
        <p className="soft small wrap-anywhere">{words}</p>
      </div>
    </li>
  );
}

function wordsOf({ stage, look, row }: Step, now: number, labelOf: (reason: string) => string): string {
  const by = row?.by ? ` by ${row.by}` : "";
  const undo = row?.undo;
  if (undo && undo.state !== "undone") return undo.left ? "left as it is" : undo.state === "started" ? `being cleared away by ${undo.by ?? "somebody"}` : "waiting to be cleared away";
  switch (look) {
    case "ahead":
      return "to come";
    case "dropped":
      return "not needed any more";
    case "waiting":
      return `in the queue${row?.issuedAt ? `, ${spanText(now - Date.parse(row.issuedAt))}` : ""}`;
    case "working":
      return `${row?.by ?? "somebody"} is ${stageWords[stage].working}${row?.startedAt ? `, since ${timeOfDay(row.startedAt)}` : ""}`;
    case "done":
      return `done${row?.doneAt ? ` at ${timeOfDay(row.doneAt)}` : ""}${row?.by ? by : ""}`;
    case "failed":
      return `failed${row?.reason ? `: ${labelOf(row.reason)}` : ""}`;
    case "undone":
      return `cleared away${undo?.undoneAt ? ` at ${timeOfDay(undo.undoneAt)}` : ""}${by}`;
  }
}

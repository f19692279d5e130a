import { StageIcon, stageWords } from "../../design/stages";
import { spanText, timeOfDay } from "../../design/time";
import { useNow } from "../../live/hooks";
import type { Step } from "./progress";

/** The stages as a line, each with who is or was at work and when. */
export function Steps({ steps, isOpen }: { readonly steps: readonly Step[]; readonly isOpen: boolean }) {
  const now = useNow();
  return (
    <ol className="steps">
      {steps.map((step) => (
        <li key={step.stage} className="step" data-stage={step.stage} data-look={step.look} aria-current={isOpen && (step.look === "working" || step.look === "waiting") ? "step" : undefined}>
          <span className="step-mark"><StageIcon stage={step.stage} /></span>
          <div>
            <b>{stageWords[step.stage].name}</b>
            <p className="soft small wrap-anywhere">{wordsOf(step, now)}</p>
          </div>
        </li>
      ))}
    </ol>
  );
}

function wordsOf({ look, row }: Step, now: number): string {
  const by = row?.by ? ` by ${row.by}` : "";
  const undo = row?.undo;
  if (undo && undo.state !== "undone") return undo.left ? "left as it is" : undo.state === "started" ? `being undone by ${undo.by ?? "somebody"}` : "is to be undone";
  switch (look) {
    case "ahead":
      return "to come";
    case "waiting":
      return `waits for its turn${row?.issuedAt ? `, for ${spanText(now - Date.parse(row.issuedAt))}` : ""}`;
    case "working":
      return `${row?.by ?? "somebody"} is at it${row?.startedAt ? `, since ${timeOfDay(row.startedAt)}` : ""}`;
    case "done":
      return `done${row?.doneAt ? ` at ${timeOfDay(row.doneAt)}` : ""}${row?.by ? by : ""}`;
    case "failed":
      return `failed${row?.reason ? `: ${row.reason}` : ""}`;
    case "undone":
      return `undone${undo?.undoneAt ? ` at ${timeOfDay(undo.undoneAt)}` : ""}${by}`;
  }
}

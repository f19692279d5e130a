import type { Role, Stage } from "../api/schema.gen";
import { stages, stageWords } from "../api/stages.gen";

export { stages, stageWords };

export function stageOfRole(role: Role): Stage | undefined {
  return stages.find((stage) => stageWords[stage].role === role);
}

export function isStage(text: string): text is Stage {
  return (stages as readonly string[]).includes(text);
}

/** The icon of each stage; its colours are in tokens.css. */
const paths: Readonly<Record<Stage, string>> = {
  mix: "M3 10h18a9 9 0 0 1-6 8.500V21H9v-2.500A9 9 0 0 1 3 10zM14 8l5-6M9 7.500C9 5 8 4 8 2.500",
  bake: "M4 3h16v18H4zM4 8.500h16M8 5.750h.01M11.500 5.750h.01M8 12h8v5H8z",
  decorate: "M12 3c3 3 5 5 5 8a5 5 0 0 1-10 0c0-3 2-5 5-8zM12 16v5M8 21h8",
  package: "M3 8l9-5 9 5v9l-9 4-9-4zM3 8l9 4 9-4M12 12v9",
};

export function StageIcon({ stage }: { readonly stage: Stage }) {
  return (
    <svg viewBox="0 0 24 24" width="1.25em" height="1.25em" fill="none" stroke="currentColor" strokeWidth="1.800" strokeLinecap="round" strokeLinejoin="round" aria-hidden="true" focusable="false">
      <path d={paths[stage]} />
    </svg>
  );
}

export function StageBadge({ stage }: { readonly stage: Stage }) {
  return <span className="badge badge-stage" data-stage={stage}><StageIcon stage={stage} /> {stageWords[stage].name}</span>;
}

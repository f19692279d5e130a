import type { Role } from "./api/schema.gen";
import { isStage, stageOfRole, stageWords } from "./design/stages";

/** The page on which somebody with the role works. */
export function homeOf(role: Role) {
  const stage = stageOfRole(role);
  return stage ? ({ to: "/stations/$stage", params: { stage } } as const) : ({ to: "/dashboard" } as const);
}

/** The roles that may stand at a station. */
export function rolesAt(stage: string): readonly Role[] {
  return isStage(stage) ? [stageWords[stage].role, "manager"] : ["manager"];
}

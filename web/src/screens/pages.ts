import type { LinkProps } from "@tanstack/react-router";
import type { Session, Stage } from "../api/schema.gen";
import { stageOfRole, stages, stageWords } from "../design/stages";

/** A page of the staff's, as the links at the top of each page name it. */
export interface Page {
  readonly name: string;
  readonly path: string;
  readonly link: LinkProps;
}

const boardOf = (stage: Stage): Page => ({ name: stageWords[stage].name, path: `/stations/${stage}`, link: { to: "/stations/$stage", params: { stage } } });
const overview: Page = { name: "Overview", path: "/kitchen", link: { to: "/kitchen" } };
const dashboard: Page = { name: "Dashboard", path: "/dashboard", link: { to: "/dashboard" } };
const attention: Page = { name: "Attention", path: "/attention", link: { to: "/attention" } };
const counter: Page = { name: "Counter", path: "/counter", link: { to: "/counter" } };
const find: Page = { name: "Find", path: "/find", link: { to: "/find" } };
const standing: Page = { name: "Standing orders", path: "/standing", link: { to: "/standing" } };
const sheet: Page = { name: "Day’s sheet", path: "/sheet", link: { to: "/sheet", search: { day: "today" } } };
const history: Page = { name: "History", path: "/history", link: { to: "/history" } };

/** Where somebody can go: what they need all day in sight, the rest behind a button. The page they are on is always in sight. */
export function pagesFor({ role, hasHistory }: Pick<Session, "role" | "hasHistory">, at: string): { readonly shown: readonly Page[]; readonly more: readonly Page[] } {
  const stage = stageOfRole(role);
  const daily = stage ? [boardOf(stage), overview, counter, find] : [overview, dashboard, attention, find];
  const others = stage ? [dashboard, standing, sheet] : [...stages.map(boardOf), counter, standing, sheet, ...(role === "manager" && hasHistory ? [history] : [])];
  return { shown: [...daily, ...others.filter((page) => isAt(page, at))], more: others.filter((page) => !isAt(page, at)) };
}

function isAt({ path }: Page, at: string): boolean {
  return at === path || at.startsWith(`${path}/`);
}

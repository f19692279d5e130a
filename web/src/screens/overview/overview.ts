import type { Overview, OverviewStage, OverviewTicket, Stage } from "../../api/schema.gen";
import { stagesShowingMessages } from "../../api/stages.gen";
import type { Make } from "../../design/Cupcake";
import { stages } from "../../design/stages";
import { urgencyOf } from "../../due";

/** How many of the tickets in sight are late. */
export function lateOf(lane: OverviewStage, now: number): number {
  return lane.tickets.filter((ticket) => urgencyOf(ticket, lane, now) === "late").length;
}

/** The pieces of the tickets in sight that are to be made. */
export function piecesOf({ stages: lanes }: Overview): number {
  return lanes.reduce((sum, { tickets }) => sum + tickets.reduce((pieces, ticket) => pieces + (ticket.kind === "make" ? ticket.pieces : 0), 0), 0);
}

/** Where cupcakes get their topping. */
const topping = stages.findIndex((stage) => stagesShowingMessages.includes(stage));

/** What an order looks like at a stage: the first makes batter, the next bakes it, a later one decorates. */
export function makeOf(stage: Stage, state: OverviewTicket["state"]): Make {
  const at = stages.indexOf(stage);
  if (at > topping || (at === topping && state === "started")) return "decorated";
  return at === 0 || (at === 1 && state !== "started") ? "bowl" : "bare";
}

import type { Overview, OverviewStage, OverviewTicket, Stage } from "../../api/schema.gen";
import { stagesShowingMessages } from "../../api/stages.gen";
import type { Make } from "../../design/Cupcake";
import { stages } from "../../design/stages";

/** Something that two overviews, one after the other, tell to have happened. */
export type Happening =
  | { readonly kind: "placed"; readonly at: string; readonly pickupCode: string; readonly flavour: string; readonly pieces: number }
  | { readonly kind: "failed"; readonly at: string; readonly pickupCode: string; readonly stage: Stage; readonly reason: string }
  | { readonly kind: "remade"; readonly at: string; readonly pickupCode: string; readonly stage: Stage }
  | { readonly kind: "cancelled" | "ready"; readonly at: string; readonly pickupCode: string };

interface Place {
  readonly stage: Stage;
  readonly ticket: OverviewTicket;
}

const placesOf = ({ stages: lanes }: Overview): ReadonlyMap<string, Place> =>
  new Map(lanes.flatMap(({ stage, tickets }) => tickets.map((ticket) => [ticket.pickupCode, { stage, ticket }] as const)));

/**
 * What has happened between two overviews. A long queue shows its first tickets
 * only: an order that comes into sight there was not placed just now.
 */
export function happenings(before: Overview, now: Overview): readonly Happening[] {
  const [then, places] = [placesOf(before), placesOf(now)];
  const wasReady = new Set(before.ready.map(({ pickupCode }) => pickupCode));
  const found: Happening[] = [];
  for (const { pickupCode } of now.ready) {
    if (!wasReady.has(pickupCode)) found.push({ kind: "ready", at: now.at, pickupCode });
  }
  for (const [pickupCode, { stage, ticket }] of places) {
    const was = then.get(pickupCode);
    if (!was) {
      if (stage === stages[0] && Date.parse(ticket.since) >= Date.parse(before.at)) found.push({ kind: "placed", at: ticket.since, pickupCode, flavour: ticket.flavour, pieces: ticket.pieces });
    } else if (ticket.kind === "undo" && was.ticket.kind !== "undo") {
      found.push({ kind: "cancelled", at: now.at, pickupCode });
    } else if (ticket.state === "failed" && was.ticket.state !== "failed") {
      found.push({ kind: "failed", at: now.at, pickupCode, stage, reason: ticket.reason ?? "other" });
    } else if (ticket.kind === "make" && stages.indexOf(stage) < stages.indexOf(was.stage)) {
      found.push({ kind: "remade", at: now.at, pickupCode, stage });
    }
  }
  return found;
}

/** How many of the tickets in sight are late. */
export function lateOf({ tickets, lateAfterSeconds }: OverviewStage, now: number): number {
  return tickets.filter(({ since }) => now - Date.parse(since) >= lateAfterSeconds * 1000).length;
}

/** The pieces of the tickets in sight. */
export function piecesOf({ stages: lanes }: Overview): number {
  return lanes.reduce((sum, { tickets }) => sum + tickets.reduce((pieces, ticket) => pieces + ticket.pieces, 0), 0);
}

/** Where cupcakes get their topping. */
const topping = stages.findIndex((stage) => stagesShowingMessages.includes(stage));

/** What an order looks like at a stage: the first makes batter, the next bakes it, a later one decorates. */
export function makeOf(stage: Stage, state: OverviewTicket["state"]): Make {
  const at = stages.indexOf(stage);
  if (at > topping || (at === topping && state === "started")) return "decorated";
  return at === 0 || (at === 1 && state !== "started") ? "bowl" : "bare";
}

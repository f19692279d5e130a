import { describe, expect, test } from "vitest";
import { Problem } from "../../api/problem";
import type { Board, BoardTicket, Line } from "../../api/schema.gen";
import { board, rules, startedTicket, ticket, undoTicket } from "../../testing-data";
import { batchesOf, outcomeText, sayOfAll } from "./batches";
import { columnsOf, type PendingKinds } from "./board";

const batch = { tickets: 3, pieces: 20 };
const lines = (flavour: string, ...quantities: readonly number[]): readonly Line[] => quantities.map((quantity) => ({ flavour, size: "M", quantity }));
const waits = (ticketId: string, ...of: readonly Line[]) => ticket({ ticketId, lines: of });
const inHand = (ticketId: string, ...of: readonly Line[]) => startedTicket("Ben", { ticketId, lines: of });

/** The batches that Ben is offered: flavour, what to start of how many, what to finish. */
function offered(tickets: readonly BoardTicket[], overrides: Partial<Board> = {}, pending: PendingKinds = new Map()) {
  const shown = board({ tickets, rules: { ...rules, batch }, ...overrides });
  const ids = (of: readonly BoardTicket[]) => of.map((each) => each.ticketId);
  return [...batchesOf(shown, columnsOf(shown, "Ben", pending), pending)].map(([flavour, { start, waiting, finish }]) => [flavour, ids(start), waiting, ids(finish)]);
}

describe("a batch", () => {
  test("has the tickets of one flavour, in the queue's order", () => {
    expect(offered([waits("a", ...lines("nut", 2)), waits("b", ...lines("lemon", 1, 2)), waits("c", ...lines("nut", 3)), waits("d", ...lines("lemon", 4))]))
      .toEqual([["nut", ["a", "c"], 2, []], ["lemon", ["b", "d"], 2, []]]);
  });

  test("leaves out what has another flavour too, what somebody else has, what failed, and what was cancelled", () => {
    expect(offered([
      waits("mixed", ...lines("nut", 1), ...lines("lemon", 1)),
      waits("empty"),
      startedTicket("Bea", { ticketId: "hers", lines: lines("nut", 1) }),
      ticket({ ticketId: "failed", state: "failed", lines: lines("nut", 1) }),
      undoTicket({ ticketId: "undo", lines: lines("nut", 1) }),
      { ...inHand("withdrawn", ...lines("nut", 1)), withdrawn: true },
      waits("a", ...lines("nut", 1)),
      inHand("b", ...lines("nut", 1)),
    ])).toEqual([]);
  });

  test("has no more tickets and pieces than go together, and a large one lets smaller ones pass", () => {
    expect(offered(["a", "b", "c", "d"].map((id) => waits(id, ...lines("nut", 1))))).toEqual([["nut", ["a", "b", "c"], 4, []]]);
    expect(offered([waits("large", ...lines("nut", 21)), waits("a", ...lines("nut", 10)), waits("b", ...lines("nut", 11)), waits("c", ...lines("nut", 10))]))
      .toEqual([["nut", ["a", "c"], 4, []]]);
  });

  test("can be finished once it is in hand, however it was begun", () => {
    const mine = ["a", "b", "c", "d"].map((id) => inHand(id, ...lines("nut", 10)));
    expect(offered(mine)).toEqual([["nut", [], 0, ["a", "b", "c", "d"]]]);
    expect(offered(mine, {}, new Map([["a", "done"], ["b", "released"]]))).toEqual([["nut", [], 0, ["c", "d"]]]);
  });

  test("is not begun while the station is paused, but finished", () => {
    const tickets = ["a", "b"].flatMap((id) => [waits(`${id}1`, ...lines("nut", 1)), inHand(`${id}2`, ...lines("nut", 1))]);
    const paused = { stage: "bake", since: "2026-03-04T09:00:00Z", by: "Max", at: "2026-03-04T09:00:00Z" } as const;
    expect(offered(tickets)).toEqual([["nut", ["a1", "b1"], 2, ["a2", "b2"]]]);
    expect(offered(tickets, { paused })).toEqual([["nut", [], 0, ["a2", "b2"]]]);
  });

  test("is offered only where the stage allows it", () => {
    expect(offered(["a", "b"].map((id) => waits(id, ...lines("nut", 1))), { rules })).toEqual([]);
  });
});

describe("what is said of all", () => {
  const [a, b, c] = ["K7QF", "M2XY", "P3RS"].map((pickupCode) => ticket({ pickupCode }));
  const tickets = [a, b, c] as readonly BoardTicket[];
  const codes = (of: readonly BoardTicket[]) => of.map((each) => each.pickupCode);

  test("is said to each, and one that somebody else has stops no other", async () => {
    const asked: string[] = [];
    const { counted, refused } = await sayOfAll(tickets, ({ pickupCode }) => {
      asked.push(pickupCode);
      return pickupCode === "M2XY" ? Promise.reject(new Problem("Bea has it.", 409)) : Promise.resolve();
    });
    expect(asked).toEqual(["K7QF", "M2XY", "P3RS"]);
    expect(codes(counted)).toEqual(["K7QF", "P3RS"]);
    expect(refused).toEqual([{ pickupCode: "M2XY", why: "Bea has it." }]);
  });

  test("is told in one sentence for each reason", () => {
    const refused = [{ pickupCode: "K7QF", why: "Bea has it." }, { pickupCode: "M2XY", why: "It was cancelled." }, { pickupCode: "P3RS", why: "Bea has it." }];
    expect(outcomeText("1 ticket of Lemon is yours.", refused)).toBe("1 ticket of Lemon is yours. K7QF, P3RS: Bea has it. M2XY: It was cancelled.");
    expect(outcomeText(null, refused.slice(0, 1))).toBe("K7QF: Bea has it.");
  });
});

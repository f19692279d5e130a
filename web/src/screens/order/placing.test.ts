import { describe, expect, test, vi } from "vitest";
import { Problem, type ProblemType } from "../../api/problem";
import { place, priceChange } from "./placing";

const refusal = (type: ProblemType, status: number) => new Problem("no", status, { type, title: "No", status });
const lost = new Problem("lost", 0);

describe("an order that is sent", () => {
  test("is accepted", async () => {
    const send = vi.fn().mockResolvedValue({ id: "one" });
    expect(await place({ key: "k", bodies: ["a"] }, send)).toEqual({ kind: "accepted", id: "one" });
    expect(send.mock.calls).toEqual([["a", "k"]]);
  });

  test("is unknown without an answer, and can be sent again", async () => {
    expect(await place({ key: "k", bodies: ["a"] }, vi.fn().mockRejectedValue(lost))).toEqual({ kind: "unknown", problem: lost });
  });

  test("that is refused leaves what was sent before unanswered", async () => {
    const problem = refusal("/problems/invalid-order", 422);
    expect(await place({ key: "k", bodies: ["a", "b"] }, vi.fn().mockRejectedValue(problem))).toEqual({ kind: "refused", problem, unanswered: { key: "k", bodies: ["a"] } });
    expect(await place({ key: "k", bodies: ["b"] }, vi.fn().mockRejectedValue(problem))).toEqual({ kind: "refused", problem, unanswered: undefined });
  });

  test.each([["/problems/kitchen-full", 503], ["/problems/too-many-orders", 429]] as const)("that is too much (%s) was not accepted, and is a new order later", async (type, status) => {
    const problem = refusal(type, status);
    expect(await place({ key: "k", bodies: ["a"] }, vi.fn().mockRejectedValue(problem))).toEqual({ kind: "refused", problem, unanswered: undefined });
  });

  test("has a spent key if its order was erased", async () => {
    const problem = refusal("/problems/order-erased", 410);
    expect(await place({ key: "k", bodies: ["a", "b"] }, vi.fn().mockRejectedValue(problem))).toEqual({ kind: "refused", problem, unanswered: undefined });
  });

  test("finds the earlier one that was accepted instead, and places no second order", async () => {
    const conflict = refusal("/problems/idempotency-conflict", 409);
    const send = vi.fn((body: string) => (body === "a" ? Promise.resolve({ id: "first" }) : Promise.reject(conflict)));
    expect(await place({ key: "k", bodies: ["a", "b", "c"] }, send)).toEqual({ kind: "earlier-accepted", id: "first" });
    expect(send.mock.calls).toEqual([["c", "k"], ["b", "k"], ["a", "k"]]);
  });

  test("is unknown if it cannot be found out about the earlier one", async () => {
    const conflict = refusal("/problems/idempotency-conflict", 409);
    const send = vi.fn((body: string) => Promise.reject(body === "b" ? conflict : lost));
    expect(await place({ key: "k", bodies: ["a", "b"] }, send)).toEqual({ kind: "unknown", problem: lost });
  });

  test("gives up a key that was used for something that was never sent here", async () => {
    const problem = refusal("/problems/idempotency-conflict", 409);
    expect(await place({ key: "k", bodies: ["a"] }, vi.fn().mockRejectedValue(problem))).toEqual({ kind: "refused", problem, unanswered: undefined });
  });
});

describe("a customer whose order does not cost what they have seen", () => {
  const euros = (amount: number) => ({ currency: "EUR", decimals: 2, amount });

  test.each([
    [euros(2880), euros(3000), "Our prices have just changed: your order costs €30.00 now, not €28.80."],
    [undefined, euros(3000), "Our prices have just changed: your order costs €30.00 now."],
    [euros(2880), undefined, "Our prices have just changed, and are not shown at the moment."],
  ])("reads, having seen %j, and if it is %j now: %s", (seen, now, text) => {
    expect(priceChange(seen, now)).toBe(`${text} Nothing was ordered. Press the button again if that is fine.`);
  });
});

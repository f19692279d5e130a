import { act, renderHook, waitFor } from "@testing-library/react";
import { beforeEach, expect, test, vi, type MockInstance } from "vitest";
import { api } from "../../api/client";
import { noAnswer, Problem } from "../../api/problem";
import { Answers, at, attention, order as status, summary } from "../../testing-data";
import type { AskingOrder } from "./groups";
import { useDecidingTogether } from "./useDecidingTogether";

const asking = (id: string, seconds = 600): AskingOrder => ({ ...summary({ id }), attention: attention({ cause: "silent", since: at(seconds) }) });
const [a, b] = [asking("a"), asking("b", 900)];
const retry = { choice: "retry" } as const;
const refused = () => new Problem("Nothing is asked about this order now.", 409, { type: "/problems/refused", title: "Title", status: 409 });

const show = () => renderHook(() => useDecidingTogether()).result;
let resolve: MockInstance<typeof api.resolve>;
const keys = () => resolve.mock.calls.map(([id, , key]) => `${id} ${key}`);

beforeEach(() => {
  resolve = vi.spyOn(api, "resolve").mockImplementation((id) => Promise.resolve(status({ id })));
});

test("each order's question, and no other, is decided with the same words and a key of its own", async () => {
  const deciding = show();
  await act(() => deciding.current.decide([a, b], retry));
  expect(resolve.mock.calls.map(([id, body]) => [id, body])).toEqual([["a", { ...retry, since: at(600) }], ["b", { ...retry, since: at(900) }]]);
  expect(new Set(keys()).size).toBe(2);
  expect(deciding.current.run?.results.map((each) => each.outcome)).toEqual(["decided", "decided"]);
});

test("what got no answer keeps its key when it is decided again, and the rest is not asked again", async () => {
  const deciding = show();
  resolve.mockRejectedValueOnce(noAnswer());
  await act(() => deciding.current.decide([a, b], retry));
  expect([a, b].map(deciding.current.isSettled)).toEqual([false, true]);
  await act(() => deciding.current.decide([a], retry));
  expect(keys()[2]).toBe(keys()[0]);
  await act(() => deciding.current.decide([asking("a", 900)], retry));
  expect(keys()[3], "a later question is another decision").not.toBe(keys()[0]);
});

test("a question counts as settled at once, and a later one about the same order does not", async () => {
  const deciding = show();
  const answers = new Answers<{ readonly id: string }>();
  resolve.mockImplementation((id) => answers.ask({ id }).then(() => status({ id })));
  act(() => { void deciding.current.decide([a], retry); });
  expect(deciding.current.isSettled(a), "while it is being decided").toBe(true);
  await act(() => { answers.last().accept(); return Promise.resolve(); });
  await waitFor(() => { expect(deciding.current.run?.results).toHaveLength(1); });
  expect(deciding.current.isSettled(a), "while lists do not know yet").toBe(true);
  expect(deciding.current.isSettled(asking("a", 900))).toBe(false);
  expect(deciding.current.isSettled(b)).toBe(false);
});

test.each([
  ["is closed", "answered", undefined],
  ["is another one now", "answered", attention({ since: at(900) })],
  ["is open", "undecided", a.attention],
] as const)("a refusal, after which the question %s, leaves it %s", async (_, outcome, open) => {
  const deciding = show();
  vi.spyOn(api, "order").mockResolvedValue(status({ id: "a", ...(open && { attention: open }) }));
  resolve.mockRejectedValueOnce(refused());
  await act(() => deciding.current.decide([a], retry));
  expect(deciding.current.run?.results).toMatchObject([{ outcome }]);
  expect(deciding.current.isSettled(a)).toBe(outcome === "answered");
});

test("what was decided stays settled when its report is closed", async () => {
  const deciding = show();
  await act(() => deciding.current.decide([a], retry));
  act(() => { deciding.current.close(); });
  expect(deciding.current.run).toBeNull();
  expect(deciding.current.isSettled(a)).toBe(true);
});

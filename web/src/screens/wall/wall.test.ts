import { expect, test } from "vitest";
import type { CounterDisplay } from "../../api/schema.gen";
import { at, counter, start } from "../../testing-data";
import { afterDisplay, noArrivals, pageOf, roomFor } from "./wall";

test("pages follow each other, and begin again after the last", () => {
  const orders = ["a", "b", "c", "d", "e"];
  expect([0, 1, 2, 3].map((turns) => pageOf(orders, 2, turns).shown.join(""))).toEqual(["ab", "cd", "e", "ab"]);
  expect(pageOf(orders, 2, 2)).toMatchObject({ page: 3, pages: 3 });
  expect(pageOf(orders, 5, 7)).toMatchObject({ page: 1, pages: 1 });
  expect(pageOf([], 5, 1), "nothing is a page too").toEqual({ shown: [], page: 1, pages: 1 });
  expect(pageOf(orders, 2, -1).page, "the server's time was set back").toBe(3);
});

test("as many have room as fit with the gaps between them", () => {
  expect([99, 100, 219, 220].map((space) => roomFor(space, 100, 20))).toEqual([1, 1, 1, 2]);
  expect(roomFor(500, 0, 0), "nothing was measured yet").toBe(1);
});

const display = (seconds: number, ...ready: readonly string[]): CounterDisplay => ({ ...counter(...ready), at: at(seconds) });

test("what becomes ready is news, once, and what was there before is not", () => {
  const displays = [display(0, "A"), display(1, "A"), display(2, "B", "A"), display(3, "A"), display(4, "B", "A"), display(5, "C", "D", "B")];
  const counts: number[] = [];
  const last = displays.reduce((before, each) => {
    const after = afterDisplay(before, each);
    counts.push(after.count);
    return after;
  }, noArrivals);
  expect(counts).toEqual([0, 0, 1, 1, 1, 2]);
  expect(last.at).toBe(start + 5000);
});

test("a screen that watches for months does not remember everything", () => {
  let arrivals = afterDisplay(noArrivals, display(0));
  for (let i = 0; i < 1200; i++) arrivals = afterDisplay(arrivals, display(i, `N${i}`));
  expect(arrivals.known).toHaveLength(1000);
  expect(arrivals.count).toBe(1200);
});

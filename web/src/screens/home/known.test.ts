import { beforeEach, expect, test } from "vitest";
import { forgetOrder, forgetOrders, knownOrders, rememberOrder } from "./known";

const id = (n: number) => `0199c0de-7a11-7000-8000-${String(n).padStart(12, "0")}`;

beforeEach(() => { localStorage.clear(); });

test("the newest order is first, and there is each only once", () => {
  for (const n of [1, 2, 1]) rememberOrder(id(n));
  expect(knownOrders()).toEqual([id(1), id(2)]);
});

test("old orders are forgotten once there are many", () => {
  for (let n = 1; n <= 20; n++) rememberOrder(id(n));
  expect(knownOrders()).toHaveLength(8);
  expect(knownOrders()[0]).toBe(id(20));
});

test("only the ids are kept", () => {
  rememberOrder(id(1));
  expect(Object.keys(localStorage).map((key) => localStorage.getItem(key))).toEqual([JSON.stringify([id(1)])]);
});

test("one order can be forgotten, and all of them", () => {
  for (const n of [1, 2]) rememberOrder(id(n));
  forgetOrder(id(2));
  expect(knownOrders()).toEqual([id(1)]);
  forgetOrders();
  expect(knownOrders()).toEqual([]);
  expect(localStorage).toHaveLength(0);
});

test.each(["", "{", "{}", "null", '"x"', '[1, null, "data:text/html,x", "../sign-in"]'])("something else in the storage is no order: %s", (text) => {
  localStorage.setItem("cupcakery.orders.1", text);
  expect(knownOrders()).toEqual([]);
});

import { expect, test } from "vitest";
import { stateText } from "./states";

test.each([
  ["shipped", "collected", "Collected"],
  ["shipped", "ready", "Ready"],
  ["shipped", undefined, "Ready or collected"],
  ["cancelled", undefined, "Cancelled"],
] as const)("an order that is %s and %s is called so", (state, pickup, text) => {
  expect(stateText({ state, pickup })).toBe(text);
});

import { expect, test } from "vitest";
import { ticksFor } from "./chart";

test("a chart's lines have whole numbers, and fit few data as well as many", () => {
  expect([0, 1, 2, 3, 5, 11, 21, 400, 401].map(ticksFor)).toEqual([
    [2, 1, 0], [2, 1, 0], [2, 1, 0], [4, 2, 0], [10, 5, 0], [20, 10, 0], [40, 20, 0], [400, 200, 0], [1000, 500, 0],
  ]);
});

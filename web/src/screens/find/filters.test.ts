import { expect, test } from "vitest";
import { filtersOf } from "./filters";

test.each([
  [{}, {}],
  [{ q: " bjorn ", state: "shipped", day: "today" }, { q: "bjorn", state: "shipped", day: "today" }],
  [{ q: "  ", state: "baking", day: "tomorrow" }, {}],
  [{ q: "2345", day: "2026-01-31" }, { q: "2345", day: "2026-01-31" }],
  [{ q: ["a"], state: "accepted", day: "2026-1-31" }, {}],
  [{ q: "x".repeat(90) }, { q: "x".repeat(80) }],
])("the address %j asks for %j", (search, filters) => {
  expect(filtersOf(search)).toEqual(filters);
});

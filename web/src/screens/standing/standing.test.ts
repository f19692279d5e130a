import { expect, test } from "vitest";
import { daysText, weekdays } from "./standing";

test.each([
  [["monday"] as const, "Every Monday"],
  [["friday", "monday"] as const, "Mondays and Fridays"],
  [["sunday", "wednesday", "tuesday"] as const, "Tuesdays, Wednesdays and Sundays"],
  [weekdays, "Every day"],
])("%s", (days, text) => {
  expect(daysText(days)).toBe(text);
});

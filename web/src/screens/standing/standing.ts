import type { StandingOrder } from "../../api/schema.gen";

type Weekday = StandingOrder["days"][number];

/** The days as a week is written: it begins on Monday. */
export const weekdays: readonly Weekday[] = ["monday", "tuesday", "wednesday", "thursday", "friday", "saturday", "sunday"];

/** "Monday", "Mondays and Fridays" … of days in any order. */
export function daysText(days: readonly Weekday[]): string {
  const names = weekdays.filter((day) => days.includes(day)).map((day) => `${nameOf(day)}s`);
  if (names.length === weekdays.length) return "Every day";
  return names.length < 2 ? `Every ${(names[0] ?? "").slice(0, -1)}` : `${names.slice(0, -1).join(", ")} and ${names.at(-1) ?? ""}`;
}

export function nameOf(day: Weekday): string {
  return day.slice(0, 1).toUpperCase() + day.slice(1);
}

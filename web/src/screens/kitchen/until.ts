import { timeOfDay } from "../../design/time";

/** The moment of a time of day such as "14:00": the next one, today or tomorrow. Undefined without a time. */
export function untilOf(timeOfDay: string, now: Date): string | undefined {
  const parts = /^(\d{2}):(\d{2})/.exec(timeOfDay);
  if (!parts) return undefined;
  const until = new Date(now);
  until.setHours(Number(parts[1]), Number(parts[2]), 0, 0);
  if (until <= now) until.setDate(until.getDate() + 1);
  return until.toISOString();
}

/** When a moment within a day from now is: "today, 14:00", "tomorrow, 8:00". */
export function comingText(moment: string, now: Date): string {
  return `${new Date(moment).getDate() === now.getDate() ? "today" : "tomorrow"}, ${timeOfDay(moment)}`;
}

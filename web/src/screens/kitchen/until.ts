import { dayOf, timeOfDay as clockOf, wallMinutes } from "../../design/time";

const minute = 60_000;
const day = 24 * 60;

/** The moment of a time of day such as "14:00" by the bakery's clock: the next one, today or tomorrow. Undefined without a time. */
export function untilOf(timeOfDay: string, now: Date): string | undefined {
  const parts = /^(\d{2}):(\d{2})/.exec(timeOfDay);
  if (!parts) return undefined;
  const wanted = Number(parts[1]) * 60 + Number(parts[2]);
  const begun = Math.floor(now.getTime() / minute) * minute;
  const until = begun + ((wanted - wallMinutes(begun) + day) % day || day) * minute;
  // The clock may be put forward or back until then.
  const off = ((wanted - wallMinutes(until) + day + day / 2) % day) - day / 2;
  return new Date(until + off * minute).toISOString();
}

/** When a moment within a day from now is: "today, 14:00", "tomorrow, 8:00". */
export function comingText(moment: string, now: Date): string {
  return `${dayOf(moment) === dayOf(now.getTime()) ? "today" : "tomorrow"}, ${clockOf(moment)}`;
}

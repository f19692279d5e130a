/** A span as people say it: "45 s", "12 min", "2 h 5 min". Milliseconds. */
export function spanText(span: number): string {
  const seconds = Math.max(0, Math.floor(span / 1000));
  if (seconds < 60) return `${seconds} s`;
  const minutes = Math.floor(seconds / 60);
  if (minutes < 60) return `${minutes} min`;
  const rest = minutes % 60;
  return rest === 0 ? `${Math.floor(minutes / 60)} h` : `${Math.floor(minutes / 60)} h ${rest} min`;
}

/** A span as a clock counts it: "0:45", "12:05", "1:02:07". Milliseconds. */
export function clockText(span: number): string {
  const seconds = Math.max(0, Math.floor(span / 1000));
  const two = (n: number) => String(n).padStart(2, "0");
  const [h, m, s] = [Math.floor(seconds / 3600), Math.floor(seconds / 60) % 60, seconds % 60];
  return h > 0 ? `${h}:${two(m)}:${two(s)}` : `${m}:${two(s)}`;
}

/*
 * Times on the pages are the bakery's: the customer comes to it, and staff are there. The
 * menu tells its time zone; until it is here, times are the reader's.
 */
let zone: string | undefined;
const watchers = new Set<() => void>();

export function setBakeryZone(name: string): void {
  try {
    new Date(0).toLocaleTimeString(undefined, { timeZone: name });
  } catch {
    return; // this browser does not know the zone
  }
  if (name === zone) return;
  zone = name;
  for (const watcher of watchers) watcher();
}

export function watchBakeryZone(watcher: () => void): () => void {
  watchers.add(watcher);
  return () => { watchers.delete(watcher); };
}

/** The bakery's time zone if its clock shows another time than the reader's; empty otherwise. */
export function foreignZone(time: string | number = Date.now()): string {
  const wall = (timeZone?: string) => new Date(time).toLocaleString("en-GB", { timeZone });
  return zone !== undefined && wall(zone) !== wall() ? zone : "";
}

function written(time: string | number, format: Intl.DateTimeFormatOptions, isNamed: boolean): string {
  return new Date(time).toLocaleString(undefined, { ...format, timeZone: zone, ...(isNamed && foreignZone(time) && { timeZoneName: "short" }) });
}

const clock: Intl.DateTimeFormatOptions = { hour: "numeric", minute: "2-digit" };

/** When something is due, in the reader's own way of writing it: "Sat 28 Nov, 10:00". It names the zone if that is not the reader's. */
export function dueText(time: string | number): string {
  return written(time, { weekday: "short", day: "numeric", month: "short", ...clock }, true);
}

/** A date with the time of day, with the zone if that is not the reader's: "28 Nov 2026, 10:00". */
export function dateText(time: string | number): string {
  return written(time, { day: "numeric", month: "short", year: "numeric", ...clock }, true);
}

/** The time of day, with the zone if that is not the reader's. */
export function zonedTime(time: string | number): string {
  return written(time, clock, true);
}

/** The time of day, in the reader's own way of writing it. The foot of each page names the zone if that is not the reader's. */
export function timeOfDay(time: string | number): string {
  return written(time, clock, false);
}

/** A day such as "28 Nov". */
export function dayOf(time: string | number): string {
  return written(time, { day: "numeric", month: "short" }, false);
}

/** The bakery's day, with its weekday: "Sat 28 Nov". */
export function weekdayOf(time: string | number): string {
  return written(time, { weekday: "short", day: "numeric", month: "short" }, false);
}

/** The time of the day, with its date if that is another day than this one. */
export function dayAndTime(time: string | number, now: number = Date.now()): string {
  return dayOf(time) === dayOf(now) ? timeOfDay(time) : `${dayOf(time)}, ${timeOfDay(time)}`;
}

/** "Sat 28 Nov" of a day such as 2026-11-28, which is the same day everywhere. */
export function dayText(day: string): string {
  return new Date(`${day}T12:00:00Z`).toLocaleDateString("en-GB", { weekday: "short", day: "numeric", month: "short", timeZone: "UTC" });
}

/** How many minutes after midnight the bakery's clock shows. */
export function wallMinutes(time: number): number {
  const [hours = 0, minutes = 0] = new Date(time).toLocaleTimeString("en-GB", { hour: "2-digit", minute: "2-digit", timeZone: zone }).split(":").map(Number);
  return hours * 60 + minutes;
}

/** The bakery's day of a moment, as addresses and the API write it: "2026-11-28". */
export function bakeryDay(time: string | number): string {
  return new Date(time).toLocaleDateString("en-GB", { day: "2-digit", month: "2-digit", year: "numeric", timeZone: zone }).split("/").reverse().join("-");
}

/** The day that is so many days after another, or before it. */
export function dayAfter(day: string, days: number): string {
  return new Date(Date.parse(`${day}T12:00:00Z`) + days * 86_400_000).toISOString().slice(0, 10);
}

/** What the bakery's clock shows, as an input for date and time has it: "2026-11-28T10:00". */
export function bakeryWall(time: string | number): string {
  const minutes = wallMinutes(new Date(time).getTime());
  const two = (n: number) => String(n).padStart(2, "0");
  return `${bakeryDay(time)}T${two(Math.floor(minutes / 60))}:${two(minutes % 60)}`;
}

/** The moment at which the bakery's clock shows that, in milliseconds; NaN if it is no time. */
export function momentOf(wall: string): number {
  const shown = Date.parse(`${wall}Z`);
  let moment = shown;
  // How far the zone is from UTC depends on the moment that is looked for, so the first result is corrected.
  for (let i = 0; i < 2 && !Number.isNaN(moment); i++) moment += shown - Date.parse(`${bakeryWall(moment)}Z`);
  return moment;
}

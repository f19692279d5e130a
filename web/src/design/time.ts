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

/** When something is due, in the reader's own way of writing it: "Sat 28 Nov, 10:00". */
export function dueText(time: string | number): string {
  return new Date(time).toLocaleString(undefined, { weekday: "short", day: "numeric", month: "short", hour: "numeric", minute: "2-digit" });
}

/** The time of day, in the reader's own way of writing it. */
export function timeOfDay(time: string | number): string {
  return new Date(time).toLocaleTimeString(undefined, { hour: "numeric", minute: "2-digit" });
}

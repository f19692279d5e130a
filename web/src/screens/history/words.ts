import type { DelayCause, HistoryDelay, LateOrder, Stage, Weekday } from "../../api/schema.gen";
import { stageWords } from "../../design/stages";
import { dueText, spanText } from "../../design/time";

/** Why an order was late, in few words. */
export function causeText(cause: DelayCause, stage: Stage | undefined): string {
  const at = stage ? ` at ${stageWords[stage].name.toLowerCase()}` : "";
  switch (cause) {
    case "queue": return `Queue${at}`;
    case "remake": return stage ? `Made again from the start, after work failed${at}` : "Made again from the start";
    case "silence": return `Nobody was heard of${at}`;
    case "failure": return stage ? `Work failed${at} and was repeated` : "Work failed and was repeated";
    case "decision": return stage ? `A manager was asked, about ${stageWords[stage].name.toLowerCase()}` : "A manager was asked";
    case "late-order": return "Ordered too late to be ready in time";
    case "none": return "Nothing took longer than usual";
  }
}

/** How an order stands, and why it was late. */
export function delayText({ state, withdrawnAt, cause, stage, dueAt, readyAt }: HistoryDelay): string {
  const due = dueAt ? ` Due ${dueText(dueAt)}` : "";
  const ended = state === "cancelled" ? "Cancelled" : state === "cancelling" ? "Being cancelled" : withdrawnAt ? "Withdrawn since it was ended in Temporal" : undefined;
  if (ended) return `${ended}, and so not late.${due && `${due}.`}`;
  const ready = readyAt ? `, ready ${dueText(readyAt)}.` : state === "shipped" ? ", ready." : ", not ready yet.";
  return `${causeText(cause, stage)}.${due && `${due}${ready}`}`;
}

/** By how much an order was late, or is so far. */
export function latenessText({ lateSeconds, readyAt }: Pick<LateOrder, "lateSeconds" | "readyAt">): string {
  return readyAt ? `${secondsText(lateSeconds)} late` : `${secondsText(lateSeconds)} late so far`;
}

/** A span that the ledger tells; a dash if nobody knows it. */
export function secondsText(seconds: number | undefined): string {
  if (seconds === undefined) return "–";
  return seconds > 0 && seconds < 1 ? "under 1 s" : spanText(seconds * 1000);
}

/** By how much something took longer than usual. */
export function extraText(seconds: number): string {
  if (Math.abs(seconds) < 1) return "as usual";
  return seconds > 0 ? `+${secondsText(seconds)}` : `−${secondsText(-seconds)}`;
}

/** An hour of the bakery's clock: "14:00". */
export function hourText(hour: number): string {
  return `${hour}:00`;
}

export function weekdayText(weekday: Weekday): string {
  return weekday.charAt(0).toUpperCase() + weekday.slice(1);
}

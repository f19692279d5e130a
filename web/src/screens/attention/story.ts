import type { Attention, Choice, OrderStatus } from "../../api/schema.gen";
import { stages, stageWords } from "../../design/stages";
import { timeOfDay } from "../../design/time";
import { countText } from "../../text";

/** What has happened to an order, a line for each event, oldest first. */
export function story(order: OrderStatus, labelOf: (reason: string) => string): readonly string[] {
  const events: { at: string; text: string }[] = [{ at: order.placedAt, text: "ordered" }];
  for (const row of order.stages) {
    const name = `${stageWords[row.stage].name.toLowerCase()}${row.pass > 1 ? `, pass ${row.pass}` : ""}`;
    if (row.issuedAt) events.push({ at: row.issuedAt, text: `${name}: ticket issued` });
    if (row.startedAt) events.push({ at: row.startedAt, text: `${name}: started${row.madeBy ?? row.by ? ` by ${row.madeBy ?? row.by ?? ""}` : ""}` });
    if (row.doneAt) events.push({ at: row.doneAt, text: `${name}: done${row.madeBy ?? row.by ? ` by ${row.madeBy ?? row.by ?? ""}` : ""}` });
    if (row.failedAt) events.push({ at: row.failedAt, text: `${name}: failed, ${row.reason ? labelOf(row.reason) : "no reason given"}${row.note ? ` (${row.note})` : ""}${row.scrapped ? `, ${countText(row.scrapped, "piece")} scrapped` : ""}` });
    if (row.undo?.issuedAt) events.push({ at: row.undo.issuedAt, text: `${name}: ticket to clear it away issued` });
    if (row.undo?.undoneAt) events.push({ at: row.undo.undoneAt, text: `${name}: cleared away${row.undo.by ? ` by ${row.undo.by}` : ""}` });
  }
  if (order.attention) events.push({ at: order.attention.since, text: "a manager was asked" });
  return events.sort((a, b) => Date.parse(a.at) - Date.parse(b.at)).map(({ at, text }) => `${timeOfDay(at)} ${text}`);
}

/** What the buttons are called, about one order and about many. */
export const choiceWords: Readonly<Record<Choice, { readonly one: string; readonly many: (orders: string) => string }>> = {
  retry: { one: "Retry", many: (orders) => `Retry ${orders}` },
  remake: { one: "Remake", many: (orders) => `Remake ${orders}` },
  cancel: { one: "Cancel the order", many: (orders) => `Cancel ${orders}` },
};

/** What a choice leads to, in the manager's words. */
export function consequence(choice: Choice, attention: Attention): string {
  switch (choice) {
    case "retry":
      return `${stageWords[attention.stage].name} gets the ticket${attention.undoing ? " to clear it away" : ""} again.`;
    case "remake":
      return `What was made is put away, and the order starts again from ${stages[0]}.`;
    case "cancel":
      return attention.undoing ? "This stage is left as it is; the others are cleared away." : "What was made is cleared away, and the customer is told.";
  }
}

/** What has happened, as the order tells it, with the label of the reason instead of its code. */
export function reasonText({ reason, reasonCode }: Attention, labelOf: (reason: string) => string): string {
  return reasonCode ? reason.replace(`: ${reasonCode} (`, () => `: ${labelOf(reasonCode)} (`) : reason;
}

/** What questions of one kind have in common, one of them being given. */
export function kindText(attention: Attention, labelOf: (reason: string) => string): string {
  const { by, reason, reasonCode, undoing } = attention;
  const how = `${reasonCode ? `: ${labelOf(reasonCode)}` : ""}${by ? `, reported by ${by}` : ""}.`;
  switch (attention.cause) {
    case "silent":
      return `${by ?? "Somebody"} took the tickets${undoing ? " to clear work away" : ""} and has not been heard of since.`;
    case "failed":
      return `The work failed too often${how}`;
    case "undo-failed":
      return `The work cannot be cleared away${how}`;
    case "late-work":
      return `Work was done that nobody will clear away${how}`;
    case "ended-by-hand":
      return "Somebody ended the tickets in Temporal.";
    default: // of a newer build, or of an older one
      return reason;
  }
}

import type { Attention, Choice, OrderStatus } from "../../api/schema.gen";
import { stages, stageWords } from "../../design/stages";
import { timeOfDay } from "../../design/time";
import { countText } from "../../text";

/** What has happened to an order, a line for each event, oldest first. */
export function story(order: OrderStatus, labelOf: (reason: string) => string): readonly string[] {
  const events: { at: string; text: string }[] = [{ at: order.placedAt, text: "ordered" }];
  for (const row of order.stages) {
    const name = `${stageWords[row.stage].name.toLowerCase()}${row.pass > 1 ? `, pass ${row.pass}` : ""}`;
    if (row.issuedAt) events.push({ at: row.issuedAt, text: `${name}: ticket issued${row.attempt > 1 ? ` (${row.attempt} times so far)` : ""}` });
    if (row.startedAt) events.push({ at: row.startedAt, text: `${name}: started${row.madeBy ?? row.by ? ` by ${row.madeBy ?? row.by ?? ""}` : ""}` });
    if (row.doneAt) events.push({ at: row.doneAt, text: `${name}: done${row.madeBy ?? row.by ? ` by ${row.madeBy ?? row.by ?? ""}` : ""}` });
    if (row.failedAt) events.push({ at: row.failedAt, text: `${name}: failed, ${row.reason ? labelOf(row.reason) : "no reason given"}${row.note ? ` (${row.note})` : ""}${row.scrapped ? `, ${countText(row.scrapped, "piece")} scrapped` : ""}` });
    if (row.undo?.issuedAt) events.push({ at: row.undo.issuedAt, text: `${name}: undo ticket issued` });
    if (row.undo?.undoneAt) events.push({ at: row.undo.undoneAt, text: `${name}: undone${row.undo.by ? ` by ${row.undo.by}` : ""}` });
  }
  if (order.attention) events.push({ at: order.attention.since, text: "a manager was asked" });
  return events.sort((a, b) => Date.parse(a.at) - Date.parse(b.at)).map(({ at, text }) => `${timeOfDay(at)} ${text}`);
}

/** What a choice leads to, in the manager's words. */
export function consequence(choice: Choice, attention: Attention): string {
  switch (choice) {
    case "retry":
      return `${stageWords[attention.stage].name} gets the ${attention.undoing ? "undo " : ""}ticket again.`;
    case "remake":
      return `What was made is put away, and the order starts again from ${stages[0]}.`;
    case "cancel":
      return attention.undoing ? "This stage is left as it is; the others are undone." : "What was made is undone, and the customer is told.";
  }
}

import type { BoardTicket } from "../../api/schema.gen";
import { CountField } from "../../design/CountField";
import { maxScrapped, piecesOf } from "./board";

interface Props {
  readonly ticket: BoardTicket;
  /** NaN while what is typed is no such number. */
  readonly value: number;
  readonly onChange: (scrapped: number) => void;
}

/** How many pieces were thrown away: never more than the ticket has, for the API would refuse them. */
export function ScrappedField({ ticket, value, onChange }: Props) {
  // Of a ticket without lines nobody knows how many there were.
  const pieces = ticket.lines.length > 0 ? piecesOf(ticket) : undefined;
  const hint = pieces !== undefined && `From 0 to ${pieces}, as many as the ticket has`;
  return <CountField label="Pieces scrapped" hint={hint} least={0} most={pieces ?? maxScrapped} value={value} onChange={onChange} />;
}

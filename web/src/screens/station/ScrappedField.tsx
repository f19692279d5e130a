import type { BoardTicket } from "../../api/schema.gen";
import { CountField } from "../../design/CountField";
import { maxScrapped, piecesOf } from "./board";

interface Props {
  readonly ticket: BoardTicket;
  /** NaN while the typed text is no valid number. */
  readonly value: number;
  readonly onChange: (scrapped: number) => void;
}

/** How many pieces were thrown away: at most the number on the ticket, because the API refuses more. */
export function ScrappedField({ ticket, value, onChange }: Props) {
  // Nobody knows how many pieces a ticket without lines had.
  const pieces = ticket.lines.length > 0 ? piecesOf(ticket) : undefined;
  const hint = pieces !== undefined && `From 0 to ${pieces}, the number on the ticket`;
  return <CountField label="Pieces scrapped" hint={hint} least={0} most={pieces ?? maxScrapped} value={value} onChange={onChange} />;
}

import { useState, type SyntheticEvent } from "react";
import type { BoardTicket } from "../../api/schema.gen";
import { Button } from "../../design/Button";
import { CountField } from "../../design/CountField";
import { Dialog } from "../../design/Dialog";
import { maxScrapped, piecesOf } from "./board";

interface DialogProps {
  readonly ticket: BoardTicket;
  readonly onUndone: (scrapped: number) => void;
  readonly onClose: () => void;
}

/** Asks how many pieces were thrown away when a stage was undone; the others were set aside. */
export function ScrappedDialog({ ticket, onUndone, onClose }: DialogProps) {
  const [scrapped, setScrapped] = useState(0);
  const submit = (event: SyntheticEvent) => {
    event.preventDefault();
    if (Number.isNaN(scrapped)) return; // the field says why
    onUndone(scrapped);
  };
  return (
    <Dialog title={`How many of ${ticket.pickupCode} were scrapped?`} onClose={onClose}>
      <form className="stack" onSubmit={submit}>
        <p className="soft">{ticket.made ? "The others can be set aside and sold." : "The others were not made, or can be set aside and sold."}</p>
        <ScrappedField ticket={ticket} value={scrapped} onChange={setScrapped} />
        <div className="dialog-actions">
          <Button onClick={onClose}>Back</Button>
          <Button look="stage" type="submit">Cleared away</Button>
        </div>
      </form>
    </Dialog>
  );
}

interface FieldProps {
  readonly ticket: BoardTicket;
  /** NaN while the typed text is no valid number. */
  readonly value: number;
  readonly onChange: (scrapped: number) => void;
}

/** How many pieces were thrown away: at most the number on the ticket, because the API refuses more. */
export function ScrappedField({ ticket, value, onChange }: FieldProps) {
  // Nobody knows how many pieces a ticket without lines had.
  const pieces = ticket.lines.length > 0 ? piecesOf(ticket) : undefined;
  const hint = pieces !== undefined && `From 0 to ${pieces}, the number on the ticket`;
  return <CountField label="Pieces scrapped" hint={hint} least={0} most={pieces ?? maxScrapped} value={value} onChange={onChange} />;
}

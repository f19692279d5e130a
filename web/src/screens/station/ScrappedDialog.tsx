import { useState, type SyntheticEvent } from "react";
import type { BoardTicket } from "../../api/schema.gen";
import { Button } from "../../design/Button";
import { Dialog } from "../../design/Dialog";
import { ScrappedField } from "./ScrappedField";

interface Props {
  readonly ticket: BoardTicket;
  readonly onUndone: (scrapped: number) => void;
  readonly onClose: () => void;
}

/** Asks how many pieces were thrown away when a stage was undone; the others were set aside. */
export function ScrappedDialog({ ticket, onUndone, onClose }: Props) {
  const [scrapped, setScrapped] = useState(0);
  const submit = (event: SyntheticEvent) => {
    event.preventDefault();
    if (Number.isNaN(scrapped)) return; // the field says why
    onUndone(scrapped);
  };
  return (
    <Dialog title={`How many of ${ticket.pickupCode} were scrapped?`} onClose={onClose}>
      <form className="stack" onSubmit={submit}>
        <p className="soft">The others can be set aside and sold.</p>
        <ScrappedField ticket={ticket} value={scrapped} onChange={setScrapped} />
        <div className="dialog-actions">
          <Button onClick={onClose}>Back</Button>
          <Button look="stage" type="submit">Undone</Button>
        </div>
      </form>
    </Dialog>
  );
}

import { useId, useRef, useState, type SyntheticEvent } from "react";
import type { BoardTicket, ReasonOnOffer } from "../../api/schema.gen";
import { Button } from "../../design/Button";
import { Dialog } from "../../design/Dialog";
import { Field } from "../../design/Field";
import { stages } from "../../design/stages";
import { piecesOf } from "./board";
import { ScrappedField } from "./ScrappedDialog";
import type { RetractableAck } from "./pendingAcks";

interface Props {
  readonly ticket: BoardTicket;
  readonly reasons: readonly ReasonOnOffer[];
  readonly onReport: (ack: RetractableAck) => void;
  readonly onClose: () => void;
}

/** Asks why the work failed and what was thrown away. */
export function FailureDialog({ ticket, reasons, onReport, onClose }: Props) {
  // None is chosen yet: one press must not have everything made again.
  const [code, setCode] = useState(reasons.length === 0 ? "other" : "");
  const [isMissing, setMissing] = useState(false);
  const form = useRef<HTMLFormElement>(null);
  const missing = useId();
  const [note, setNote] = useState("");
  const [scrapped, setScrapped] = useState<number | null>(null);
  const reason = reasons.find((each) => each.code === code);
  // A remake means that everything was scrapped, unless somebody changes that.
  const pieces = scrapped ?? (reason?.remake ? piecesOf(ticket) : 0);
  const report = (event: SyntheticEvent) => {
    event.preventDefault();
    if (code === "") {
      setMissing(true);
      form.current?.querySelector("input")?.focus();
      return;
    }
    if (Number.isNaN(pieces)) return; // the field says why
    onReport({ kind: "failed", reason: code, scrapped: pieces, ...(note.trim() && { note: note.trim() }) });
  };
  return (
    <Dialog title={`What went wrong with ${ticket.pickupCode}?`} onClose={onClose}>
      <form ref={form} className="stack" onSubmit={report}>
        <fieldset aria-describedby={isMissing ? missing : undefined}>
          <legend className="field-legend">Reason</legend>
          <div className="choices">
            {reasons.map((each) => (
              <label key={each.code} className="choice choice-big">
                <input type="radio" name="reason" value={each.code} checked={each.code === code} onChange={() => { setCode(each.code); setMissing(false); }} />
                <span>{each.label}</span>
              </label>
            ))}
          </div>
          {isMissing && <p id={missing} className="field-error" role="alert">Choose what went wrong.</p>}
        </fieldset>
        <p className="soft">{!reason ? "The reason decides what happens next." : reason.remake ? `The order starts again from ${stages[0]}.` : "The same ticket comes back to this station."}</p>
        <ScrappedField ticket={ticket} value={pieces} onChange={setScrapped} />
        <Field label="Note" hint="Optional; your colleagues and the customer can read it">
          {(wiring) => <input {...wiring} className="input" value={note} maxLength={500} onChange={(event) => { setNote(event.target.value); }} />}
        </Field>
        <div className="dialog-actions">
          <Button onClick={onClose}>Back</Button>
          <Button look="danger" type="submit">Report failure</Button>
        </div>
      </form>
    </Dialog>
  );
}

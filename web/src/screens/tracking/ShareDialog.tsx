import { useRef, useState } from "react";
import { Button } from "../../design/Button";
import { Dialog } from "../../design/Dialog";
import { Field } from "../../design/Field";

interface Props {
  readonly id: string;
  readonly code: string;
  readonly onClose: () => void;
}

/** Takes the order's page to another device or person: by QR code, by what the device shares with, or by its address. */
export function ShareDialog({ id, code, onClose }: Props) {
  const address = `${location.origin}/orders/${id}`;
  const field = useRef<HTMLInputElement>(null);
  const [told, setTold] = useState("");
  const copy = async () => {
    try {
      await navigator.clipboard.writeText(address);
      setTold("The link is copied.");
    } catch {
      // Only pages by https may write to the clipboard.
      field.current?.select();
      setTold("Copy the marked link.");
    }
  };
  const share = async () => {
    try {
      await navigator.share({ title: `Order ${code} at Cupcakery`, url: address });
    } catch (error) {
      if (!(error instanceof DOMException && error.name === "AbortError")) await copy();
    }
  };
  const canShare = typeof navigator.share === "function";
  return (
    <Dialog title="Open this order elsewhere" onClose={onClose}>
      <img className="share-qr" src={`/orders/${id}/qr.svg`} alt={`QR code with the address of order ${code}`} width="240" height="240" />
      <p>Scan it with a phone, or send the link. Anyone who has it can see, change and cancel the order.</p>
      <Field label="Link">
        {(wiring) => <input {...wiring} ref={field} className="input" readOnly value={address} onFocus={(event) => { event.target.select(); }} />}
      </Field>
      <p className="small" role="status">{told}</p>
      <div className="dialog-actions">
        <Button onClick={onClose}>Close</Button>
        <Button look={canShare ? "quiet" : "primary"} onClick={() => void copy()}>Copy the link</Button>
        {canShare && <Button look="primary" onClick={() => void share()}>Share …</Button>}
      </div>
    </Dialog>
  );
}

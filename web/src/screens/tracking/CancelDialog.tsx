import { useCallback, useState, type SyntheticEvent } from "react";
import { api } from "../../api/client";
import type { Cancellation, OrderStatus } from "../../api/schema.gen";
import { Button } from "../../design/Button";
import { Dialog } from "../../design/Dialog";
import { Failure } from "../../design/feedback";
import { Field } from "../../design/Field";
import { useUpdate } from "../useUpdate";

export function CancelDialog({ order, onClose }: { readonly order: OrderStatus; readonly onClose: () => void }) {
  const [reason, setReason] = useState("");
  const [sent, setSent] = useState("");
  const { busy, problem, send } = useUpdate(useCallback((body: Cancellation, key: string) => api.cancel(order.id, body, key), [order.id]));
  const submit = async (event: SyntheticEvent) => {
    event.preventDefault();
    setSent(reason);
    if (await send(reason.trim() ? { reason: reason.trim() } : {})) onClose();
  };
  return (
    <Dialog title="Cancel the order?" onClose={onClose}>
      <form className="stack" onSubmit={(event) => void submit(event)}>
        <p>What has already been made is put away. This cannot be undone.</p>
        <Field label="Why?" hint="Optional" error={reason !== sent ? undefined : problem?.errors.find((fault) => fault.pointer === "/reason")?.detail}>
          {(wiring) => <input {...wiring} className="input" value={reason} onChange={(event) => { setReason(event.target.value); }} />}
        </Field>
        {problem?.errors.length === 0 && <Failure error={problem} />}
        <div className="dialog-actions">
          <Button onClick={onClose}>Keep the order</Button>
          <Button look="danger" type="submit" off={busy}>{busy ? "Cancelling …" : "Cancel the order"}</Button>
        </div>
      </form>
    </Dialog>
  );
}

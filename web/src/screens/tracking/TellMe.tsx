import { useEffect, useRef, useState } from "react";
import type { OrderStatus } from "../../api/schema.gen";
import { Button } from "../../design/Button";
import { askToTell, tellReady, type Telling } from "./telling";

const words: Readonly<Record<Telling, string>> = {
  notification: "You will hear this sound and get a notification, as long as this page is open.",
  sound: "You will hear this sound as long as this page is open. Notifications are off in this browser.",
};

/** Tells once that the order has become ready, to those who want that. */
export function TellMe({ order }: { readonly order: OrderStatus }) {
  const [telling, setTelling] = useState<Telling | null>(null);
  const isReady = order.state === "shipped";
  const wasReady = useRef(isReady);
  useEffect(() => {
    if (isReady && !wasReady.current && telling) tellReady(order);
    wasReady.current ||= isReady;
  });
  if (isReady || order.state === "cancelled" || order.state === "cancelling") return null;
  const press = async () => {
    if (telling) setTelling(null);
    else setTelling(await askToTell());
  };
  return (
    <div className="tell-me">
      <Button look={telling ? "quiet" : "primary"} aria-pressed={telling !== null} onClick={() => void press()}>{telling ? "✓ " : ""}Tell me when it&rsquo;s ready</Button>
      <p className="small" role="status">{telling && words[telling]}</p>
    </div>
  );
}

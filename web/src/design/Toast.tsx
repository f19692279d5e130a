import { useEffect } from "react";
import { useHandOver } from "./focus";

/** What was just done or refused. Each message is an object of its own, even if it reads like the last. */
export interface ToastMessage {
  readonly text: string;
}

const shownFor = 8_000;

/**
 * A message that closes after a while, or when it is pressed. It covers the
 * masthead and never the page, which may show what nobody must miss.
 */
export function Toast({ message, onClose }: { readonly message: ToastMessage | null; readonly onClose: (message: ToastMessage) => void }) {
  useEffect(() => {
    if (!message) return undefined;
    const timer = setTimeout(() => { onClose(message); }, shownFor);
    return () => { clearTimeout(timer); };
  }, [message, onClose]);
  return (
    <div role="status">
      {message && <Closing message={message} onClose={onClose} />}
    </div>
  );
}

function Closing({ message, onClose }: { readonly message: ToastMessage; readonly onClose: (message: ToastMessage) => void }) {
  const handOver = useHandOver();
  return <button type="button" className="toast" title="Press to close" onClick={(event) => { handOver(event.currentTarget); onClose(message); }}>{message.text}</button>;
}

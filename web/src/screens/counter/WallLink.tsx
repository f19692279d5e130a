import { useQuery } from "@tanstack/react-query";
import { useState } from "react";
import { wallQuery } from "../../api/queries";
import { Button } from "../../design/Button";
import { Failure } from "../../design/feedback";

/** For a manager: the link to the screen on the wall. It is not shown by itself, because customers can see this page. */
export function WallLink() {
  const { data, error } = useQuery(wallQuery);
  const [copied, setCopied] = useState<"no" | "yes" | "by hand">("no");
  if (error) return <Failure error={error} />;
  if (!data) return null;
  const link = data.address && new URL(data.address, location.origin).href;
  const copy = async (text: string) => {
    try {
      // Browsers have it on https and localhost only.
      await navigator.clipboard.writeText(text);
      setCopied("yes");
    } catch {
      setCopied("by hand");
    }
  };
  return (
    <section className="card stack" aria-labelledby="wall-link">
      <h2 id="wall-link">Screen for your customers</h2>
      <p className="soft">A page for a screen on the wall: codes of what is in the making, codes and first names of what is ready. Its link opens nothing else.</p>
      {link ? (
        <div className="row">
          <Button onClick={() => void copy(link)}>Copy the link</Button>
          <a href={link} target="_blank" rel="noreferrer">Open it here</a>
          <span role="status">{copied === "yes" && "Copied: open it on the screen."}</span>
          {copied === "by hand" && <input className="input" readOnly aria-label="The link, to copy by hand" value={link} onFocus={(event) => { event.currentTarget.select(); }} />}
        </div>
      ) : <p>Whoever runs this server can switch it on, with <code>--counter-token-file</code>. Until then <a href="/wall" target="_blank" rel="noreferrer">/wall</a> opens where somebody is signed in.</p>}
    </section>
  );
}

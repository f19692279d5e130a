import { useLiveStatus, useTime } from "../live/hooks";
import { Notice } from "./feedback";
import { spanText, timeOfDay } from "./time";

/** Whether the page is up to date, in the corner of each live page. */
export function ConnectionBadge() {
  const status = useLiveStatus();
  const words = { connecting: "Connecting …", live: "Live", behind: "Behind", disconnected: "No connection" };
  return (
    <span className="connection" data-kind={status.kind} role="status">
      <span className="connection-dot" aria-hidden="true" /> {words[status.kind]}
    </span>
  );
}

/** Says across the page that it is not up to date, since when and why. */
export function ConnectionBanner() {
  const status = useLiveStatus();
  // A server that has just started catches up in a moment.
  const catchingUp = useTime((now) => (status.kind === "behind" && now - status.since > 3000 ? spanText(now - status.since) : null));
  if (status.kind === "disconnected") {
    return (
      <Notice look="bad" className="connection-banner">
        <strong>No connection since {timeOfDay(status.since)}.</strong> This page shows what was known then, and will catch up by itself.
      </Notice>
    );
  }
  if (status.kind === "behind" && status.reason === "kafka") {
    return (
      <Notice look="warn" className="connection-banner">
        <strong>Behind since {timeOfDay(status.since)}.</strong> The kitchen&rsquo;s log (Kafka) is not answering; orders are still taken and nothing is lost. This page will catch up by itself.
      </Notice>
    );
  }
  if (catchingUp !== null) {
    return (
      <Notice look="warn" className="connection-banner">
        <strong>Catching up.</strong> This server has just started and has been reading the kitchen&rsquo;s log for {catchingUp}.
      </Notice>
    );
  }
  return null;
}

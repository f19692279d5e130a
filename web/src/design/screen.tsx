import { useEffect, useSyncExternalStore } from "react";

// What a page needs that stays open on a tablet or on a wall: a screen that does not
// go dark, the whole of it, and a place among the tablet's own apps.

/** Keeps the screen on while the page is open and in sight. Where a browser cannot, nothing is said. */
export function useWakeLock(): void {
  useEffect(() => {
    const wakeLock = (navigator as Partial<Navigator>).wakeLock;
    if (!wakeLock) return undefined;
    let held: WakeLockSentinel | null = null;
    let isAsking = false;
    let isOver = false;
    const ask = async () => {
      // Browsers let go by themselves when the page goes out of sight.
      if (document.visibilityState !== "visible" || isAsking || (held && !held.released)) return;
      isAsking = true;
      try {
        held = await wakeLock.request("screen");
        if (isOver) await held.release();
      } catch {
        // The battery is low, or the device does not allow it: the screen goes dark as it would anyway.
      } finally {
        isAsking = false;
      }
    };
    const look = () => void ask();
    look();
    document.addEventListener("visibilitychange", look);
    return () => {
      isOver = true;
      document.removeEventListener("visibilitychange", look);
      void held?.release();
    };
  }, []);
}

const watchFullScreen = (changed: () => void) => {
  document.addEventListener("fullscreenchange", changed);
  return () => { document.removeEventListener("fullscreenchange", changed); };
};

/** Gives the page the whole screen, and takes it back. Not there where a browser cannot. */
export function FullScreenButton() {
  const isFull = useSyncExternalStore(watchFullScreen, () => document.fullscreenElement !== null);
  if (!(document as Partial<Document>).fullscreenEnabled) return null;
  // A browser that refuses leaves the page as it was.
  const toggle = () => { (isFull ? document.exitFullscreen() : document.documentElement.requestFullscreen()).catch(() => undefined); };
  return (
    <button type="button" className="icon-button" aria-pressed={isFull} aria-label="Full screen" title={isFull ? "Leave full screen" : "Full screen"} onClick={toggle}>
      <svg viewBox="0 0 24 24" fill="none" stroke="currentColor" strokeWidth="2" strokeLinecap="round" strokeLinejoin="round" aria-hidden="true" focusable="false">
        <path d={isFull ? "M9 4v5H4M15 4v5h5M9 20v-5H4M15 20v-5h5" : "M4 9V4h5M20 9V4h-5M4 15v5h5M20 15v5h-5"} />
      </svg>
    </button>
  );
}

/** Says that a page belongs to the staff's app: whoever installs it starts at their work, and not in the shop. */
export function useStaffApp(): void {
  useEffect(() => {
    const link = document.querySelector<HTMLLinkElement>("link[rel=manifest]");
    const shop = link?.getAttribute("href");
    link?.setAttribute("href", "/staff.webmanifest");
    return () => {
      if (shop) link?.setAttribute("href", shop);
    };
  }, []);
}

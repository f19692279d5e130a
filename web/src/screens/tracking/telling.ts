import type { OrderStatus } from "../../api/schema.gen";
import { chime } from "../station/chime";

/** How somebody is told that their order is ready, while its page is open. */
export type Telling = "notification" | "sound";

/**
 * Asks for what is needed to tell somebody. To be called by a touch or a key alone: browsers
 * refuse sounds otherwise, and nobody wants to be asked by a page that they have just opened.
 */
export async function askToTell(): Promise<Telling> {
  chime(); // they hear what they will hear
  if (typeof Notification === "undefined") return "sound";
  const permission = Notification.permission === "default" ? await Notification.requestPermission() : Notification.permission;
  return permission === "granted" ? "notification" : "sound";
}

/** Tells that the order is ready. A page that is looked at shows it, and needs no notification besides. */
export function tellReady({ id, pickupCode }: Pick<OrderStatus, "id" | "pickupCode">): void {
  chime();
  // eslint-disable-next-line @typescript-eslint/no-unnecessary-condition -- Safari and Firefox have none
  navigator.vibrate?.([300, 150, 300]);
  if (typeof Notification === "undefined" || Notification.permission !== "granted" || document.visibilityState === "visible") return;
  try {
    // With the tag a second tab of the same order replaces the first one's.
    const shown = new Notification("Your cupcakes are ready", { body: `Pickup code ${pickupCode}`, tag: id, icon: "/favicon.svg" });
    shown.onclick = () => {
      focus();
      shown.close();
    };
  } catch {
    // Browsers on Android only let a service worker show any.
  }
}

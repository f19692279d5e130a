import { createContext, useCallback, useContext, useSyncExternalStore } from "react";
import type { ChannelState } from "./channel";
import type { Live, LiveStatus } from "./connection";

export const LiveContext = createContext<Live | null>(null);

export function useLiveConnection(): Live {
  const live = useContext(LiveContext);
  if (!live) throw new Error("There is no live connection here: put the page into LiveContext.");
  return live;
}

/** A channel as it is now: `order/<id>`, `station/<stage>`, `kitchen`, `menu` or `counter`. */
export function useLive(channel: string): ChannelState {
  const live = useLiveConnection();
  const follow = useCallback((changed: () => void) => live.follow(channel, changed), [live, channel]);
  return useSyncExternalStore(follow, () => live.state(channel));
}

export function useLiveStatus(): LiveStatus {
  const live = useLiveConnection();
  return useSyncExternalStore(live.watchStatus, live.status);
}

/**
 * What `read` makes of the server's time, in milliseconds. The component is drawn
 * again when that changes, so `read` should return a text, a number or the like;
 * put what changes each second into a component of its own.
 */
export function useTime<T extends string | number | boolean | null>(read: (now: number) => T): T {
  const { clock } = useLiveConnection();
  return useSyncExternalStore(clock.watch, () => read(clock.moment()));
}

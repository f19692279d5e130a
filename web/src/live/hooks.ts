import { createContext, useCallback, useContext, useEffect, useState, useSyncExternalStore } from "react";
import type { ChannelState, Live, LiveStatus } from "./connection";

export const LiveContext = createContext<Live | null>(null);

export function useLiveConnection(): Live {
  const live = useContext(LiveContext);
  if (!live) throw new Error("There is no live connection here: put the page into LiveContext.");
  return live;
}

/** A channel as it is now: `order/<id>`, `station/<stage>`, `kitchen` or `counter`. */
export function useLive(channel: string): ChannelState {
  const live = useLiveConnection();
  const follow = useCallback((changed: () => void) => live.follow(channel, changed), [live, channel]);
  return useSyncExternalStore(follow, () => live.state(channel));
}

export function useLiveStatus(): LiveStatus {
  const live = useLiveConnection();
  return useSyncExternalStore(live.watchStatus, live.status);
}

/** The server's time, anew every second, in milliseconds. */
export function useNow(): number {
  const live = useLiveConnection();
  const [now, setNow] = useState(() => live.now());
  useEffect(() => {
    const timer = setInterval(() => { setNow(live.now()); }, 1000);
    return () => { clearInterval(timer); };
  }, [live]);
  return now;
}

import { infiniteQueryOptions, QueryClient, queryOptions } from "@tanstack/react-query";
import { setBakeryZone } from "../design/time";
import { api } from "./client";
import { Problem } from "./problem";
import type { OrderSummary, Stage } from "./schema.gen";

/** Whether a retry may help: a refusal stays one. */
export function isRetryable(error: Error): boolean {
  return error instanceof Problem && error.isUncertain;
}

export function newQueryClient(): QueryClient {
  return new QueryClient({
    defaultOptions: {
      queries: {
        retry: (failures, error) => failures < 3 && isRetryable(error),
        retryDelay: (failures, error) => (error instanceof Problem && error.retryAfter !== undefined ? error.retryAfter * 1000 : Math.min(500 * 2 ** failures, 5000)),
        staleTime: 60_000,
      },
    },
  });
}

export const menuQuery = queryOptions({
  queryKey: ["menu"],
  queryFn: async ({ signal }) => {
    const menu = await api.menu(signal);
    setBakeryZone(menu.timezone);
    return menu;
  },
  staleTime: Infinity,
});
/** The slots of a day for so many cupcakes; of the first day that has some, if none is given. */
export const slotsQuery = (day: string, pieces: number) => queryOptions({ queryKey: ["slots", day, pieces], queryFn: ({ signal }) => api.slots(day, pieces, signal), staleTime: 15_000 });
export const paceQuery = queryOptions({ queryKey: ["pace"], queryFn: ({ signal }) => api.pace(signal) });
export const sessionQuery = queryOptions({ queryKey: ["session"], queryFn: ({ signal }) => api.session(signal), staleTime: Infinity });
export const demoStaffQuery = queryOptions({ queryKey: ["demo-staff"], queryFn: ({ signal }) => api.demoStaff(signal), staleTime: Infinity });
export const signInNamesQuery = queryOptions({ queryKey: ["sign-in-names"], queryFn: ({ signal }) => api.signInNames(signal), staleTime: Infinity });
export const statisticsQuery = queryOptions({ queryKey: ["statistics"], queryFn: ({ signal }) => api.statistics(signal), staleTime: 0 });

export const readyQuery = (q: string, limit: number) => queryOptions({ queryKey: ["ready", q, limit], queryFn: ({ signal }) => api.ready(q, limit, signal), staleTime: 0 });
export const wallQuery = queryOptions({ queryKey: ["wall-link"], queryFn: ({ signal }) => api.wall(signal), staleTime: 0 });

/** What everybody may know; all else is somebody's on the staff. */
const open: readonly unknown[] = ["menu", "slots", "session", "demo-staff", "sign-in-names"];

/** Forgets what somebody on the staff has seen: the tablet may be another's in a moment. */
export function forgetStaff(queryClient: QueryClient): void {
  queryClient.removeQueries({ predicate: ({ queryKey }) => !open.includes(queryKey[0]) });
}

export const standingQuery = queryOptions({ queryKey: ["standing"], queryFn: async ({ signal }) => (await api.standing(signal)).orders, staleTime: 0 });

/** The most orders that a page of a list may have. */
const largestPage = 200;

/** Every order about which a manager is asked, oldest first, however many pages that takes. */
export const questionsQuery = queryOptions({
  queryKey: ["questions"],
  queryFn: async ({ signal }) => {
    // While pages are read orders move from one to the next.
    const asking = new Map<string, OrderSummary>();
    for (let pageToken: string | undefined = ""; pageToken !== undefined;) {
      const page = await api.orders({ state: "needs-attention", limit: largestPage, ...(pageToken && { pageToken }) }, signal);
      for (const order of page.orders) asking.set(order.id, order);
      pageToken = page.nextPageToken;
    }
    return [...asking.values()].reverse();
  },
  staleTime: 0,
});

/** The orders at a stage by their places in its queue, a page at a time. */
export const queueQuery = (stage: Stage) => infiniteQueryOptions({
  queryKey: ["queue", stage],
  queryFn: ({ pageParam, signal }) => api.orders({ stage, ...(pageParam && { pageToken: pageParam }) }, signal),
  initialPageParam: "",
  getNextPageParam: (page) => page.nextPageToken,
  staleTime: 0,
});

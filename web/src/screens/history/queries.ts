import { queryOptions } from "@tanstack/react-query";
import { api, type Traced } from "../../api/client";
import { isRetryable } from "../../api/queries";

/** What the ledger tells changes as it reads: each is asked anew when it is shown again. While its database is away, it is asked until it answers. */
const options = {
  staleTime: 10_000,
  refetchInterval: ({ state: { error } }: { readonly state: { readonly error: Error | null } }) => (error !== null && isRetryable(error) ? 10_000 : false as const),
};

export const dayQuery = (day: string) => queryOptions({ queryKey: ["history-day", day], queryFn: ({ signal }) => api.historyDay(day, signal), ...options });
export const daysQuery = (from: string, to: string) => queryOptions({ queryKey: ["history-days", from, to], queryFn: ({ signal }) => api.historyDays(from, to, signal), ...options });
export const stagesQuery = (from: string, to: string) => queryOptions({ queryKey: ["history-stages", from, to], queryFn: ({ signal }) => api.historyStages(from, to, signal), ...options });
export const forecastQuery = (day: string) => queryOptions({ queryKey: ["forecast", day], queryFn: ({ signal }) => api.forecast(day, signal), ...options });
export const bottleneckQuery = queryOptions({ queryKey: ["bottleneck"], queryFn: ({ signal }) => api.bottleneck(signal), ...options });
export const codeQuery = (pickupCode: string) => queryOptions({ queryKey: ["history-orders", pickupCode], queryFn: ({ signal }) => api.ordersByCode(pickupCode, signal), ...options });
export const delayQuery = (id: string) => queryOptions({ queryKey: ["delay", id], queryFn: ({ signal }) => api.delay(id, signal), ...options });
export const traceQuery = (traced: Traced) => queryOptions({ queryKey: ["trace", traced], queryFn: ({ signal }) => api.trace(traced, signal), ...options });

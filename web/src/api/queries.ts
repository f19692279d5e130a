import { QueryClient, queryOptions } from "@tanstack/react-query";
import { api } from "./client";
import { Problem } from "./problem";

/** Whether a retry may help: a refusal stays one. */
function isRetryable(error: Error): boolean {
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

export const menuQuery = queryOptions({ queryKey: ["menu"], queryFn: ({ signal }) => api.menu(signal), staleTime: Infinity });
export const paceQuery = queryOptions({ queryKey: ["pace"], queryFn: ({ signal }) => api.pace(signal) });
export const sessionQuery = queryOptions({ queryKey: ["session"], queryFn: ({ signal }) => api.session(signal), staleTime: Infinity });
export const demoStaffQuery = queryOptions({ queryKey: ["demo-staff"], queryFn: ({ signal }) => api.demoStaff(signal), staleTime: Infinity });
export const statisticsQuery = queryOptions({ queryKey: ["statistics"], queryFn: ({ signal }) => api.statistics(signal), staleTime: 0 });

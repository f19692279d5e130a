import { QueryClientProvider } from "@tanstack/react-query";
import { RouterProvider } from "@tanstack/react-router";
import { act, render, screen } from "@testing-library/react";
import { afterEach, expect, test, vi } from "vitest";
import { api } from "../../api/client";
import { newQueryClient } from "../../api/queries";
import type { KitchenCounts } from "../../api/schema.gen";
import { LiveContext } from "../../live/hooks";
import { newRouter } from "../../router";
import { at, drivenLive, kitchen, menu } from "../../testing-data";

afterEach(() => { vi.useRealTimers(); });

test("questions are fetched again when they may have changed, and not whenever the kitchen does", async () => {
  vi.spyOn(window, "scrollTo").mockReturnValue();
  vi.spyOn(api, "session").mockResolvedValue({ name: "Mia", role: "manager", expiresAt: at(3_600) });
  vi.spyOn(api, "demoStaff").mockResolvedValue([]);
  vi.spyOn(api, "menu").mockResolvedValue(menu());
  const list = vi.spyOn(api, "orders").mockResolvedValue({ orders: [] });
  const { live, deliver } = drivenLive();
  const queryClient = newQueryClient();
  window.history.replaceState({}, "", "/attention");
  render(<QueryClientProvider client={queryClient}><LiveContext value={live}><RouterProvider router={newRouter({ queryClient, live })} /></LiveContext></QueryClientProvider>);
  await screen.findByText("Nothing to decide");
  vi.useFakeTimers();
  /** How often questions were fetched after a message of the kitchen's channel. */
  const fetchedAfter = async (counts: Partial<KitchenCounts>) => {
    list.mockClear();
    await act(async () => {
      deliver({ type: "snapshot", channel: "kitchen", kitchen: { ...kitchen(0), ...counts } });
      await vi.advanceTimersByTimeAsync(10_000);
    });
    return list.mock.calls.length;
  };
  expect(await fetchedAfter({ questionsVersion: 7 }), "it may have changed before the page knew").toBe(1);
  expect(await fetchedAfter({ questionsVersion: 7, stages: [{ stage: "bake", waiting: 1, started: 0, failed: 0 }] })).toBe(0);
  expect(await fetchedAfter({ questionsVersion: 7, orders: { scheduled: 0, inProgress: 9, needsAttention: 0, cancelling: 0 } })).toBe(0);
  expect(await fetchedAfter({ questionsVersion: 8 })).toBe(1);
  expect(await fetchedAfter({ questionsVersion: 3 }), "another process tells now").toBe(1);
});

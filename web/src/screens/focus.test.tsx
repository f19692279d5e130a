import { QueryClientProvider } from "@tanstack/react-query";
import { RouterProvider } from "@tanstack/react-router";
import { act, render, screen, within } from "@testing-library/react";
import userEvent from "@testing-library/user-event";
import { beforeEach, expect, test, vi } from "vitest";
import { api } from "../api/client";
import { Problem } from "../api/problem";
import { newQueryClient } from "../api/queries";
import { LiveContext } from "../live/hooks";
import { newRouter } from "../router";
import { at, drivenLive, menu, order, summary } from "../testing-data";

/** A whole page, as its address says. */
function open(address: string) {
  const { live, deliver } = drivenLive();
  const queryClient = newQueryClient();
  window.history.replaceState({}, "", address);
  render(<QueryClientProvider client={queryClient}><LiveContext value={live}><RouterProvider router={newRouter({ queryClient, live })} /></LiveContext></QueryClientProvider>);
  return deliver;
}

beforeEach(() => {
  vi.spyOn(window, "scrollTo").mockReturnValue();
  vi.spyOn(api, "session").mockResolvedValue({ name: "Mia", role: "manager", expiresAt: at(3_600) });
  vi.spyOn(api, "demoStaff").mockResolvedValue([]);
  vi.spyOn(api, "menu").mockResolvedValue(menu());
});

test("whoever looks further for orders goes on at the first one that is new, once there are no more", async () => {
  vi.spyOn(api, "orders").mockImplementation(({ pageToken }) => Promise.resolve(pageToken === "2" ? { orders: [summary({ id: "c", pickupCode: "T9AB" })] } : pageToken === "1" ? { orders: [summary({ id: "b", pickupCode: "M2XY" })], nextPageToken: "2" } : { orders: [summary({ id: "a", pickupCode: "K7QF" })], nextPageToken: "1" }));
  open("/find?q=ada");
  const list = within(await screen.findByRole("list", { name: "Orders" }));
  await userEvent.click(screen.getByRole("button", { name: "Look further" }));
  await list.findByRole("link", { name: /^M2XY/ });
  const further = screen.getByRole("button", { name: "Look further" });
  expect(document.activeElement).toBe(further);
  await userEvent.keyboard("{Enter}");
  const last = await list.findByRole("link", { name: /^T9AB/ });
  expect(screen.queryByRole("button", { name: "Look further" })).toBeNull();
  expect(document.activeElement).toBe(last);
});

test("whoever has cancelled their order goes on at what has become of it", async () => {
  const placed = order({ id: "0199c0de-7a11-7000-8000-00000000cafe" });
  vi.spyOn(api, "cancel").mockResolvedValue(placed);
  const deliver = open(`/orders/${placed.id}`);
  const told = (now: typeof placed) => { act(() => { deliver({ type: "snapshot", channel: `order/${placed.id}`, order: now }); }); };
  await screen.findByText("Loading your order …");
  told(placed);
  await userEvent.click(screen.getByRole("button", { name: "Cancel the order" }));
  await userEvent.click(within(screen.getByRole("dialog")).getByRole("button", { name: "Cancel the order" }));
  expect(screen.queryByRole("dialog")).toBeNull();
  told({ ...placed, state: "cancelling" });
  expect(screen.queryByRole("button", { name: "Cancel the order" })).toBeNull();
  await vi.waitFor(() => { expect(document.activeElement).toBe(screen.getByRole("heading", { level: 1 })); });
});

test("whoever tries again what failed goes on at the page’s heading, once it is there", async () => {
  vi.spyOn(api, "standing").mockRejectedValueOnce(new Problem("This is for staff.", 403)).mockResolvedValue({ orders: [] });
  open("/standing");
  await userEvent.click(await screen.findByRole("button", { name: "Try again" }));
  await screen.findByText("There are no standing orders");
  await vi.waitFor(() => { expect(document.activeElement).toBe(screen.getByRole("heading", { level: 1 })); });
});

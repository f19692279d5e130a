import { QueryClientProvider } from "@tanstack/react-query";
import { createMemoryHistory, createRootRoute, createRouter, RouterProvider } from "@tanstack/react-router";
import { render, screen } from "@testing-library/react";
import userEvent from "@testing-library/user-event";
import { beforeEach, expect, test, vi } from "vitest";
import { newQueryClient } from "../../api/queries";
import { LiveContext } from "../../live/hooks";
import { silentLive } from "../../testing-data";
import { rememberOrder } from "./known";
import { YourOrders } from "./YourOrders";

async function show(orders: number) {
  for (let i = 0; i < orders; i++) rememberOrder(`0199c0de-7a11-7000-8000-00000000000${i}`);
  const live = silentLive();
  vi.spyOn(live, "follow").mockReturnValue(() => undefined);
  const root = createRootRoute({ component: () => <main><h1>Cupcakes</h1><YourOrders onAgain={undefined} /></main> });
  const router = createRouter({ routeTree: root, history: createMemoryHistory({ initialEntries: ["/"] }) });
  render(<QueryClientProvider client={newQueryClient()}><LiveContext value={live}><RouterProvider router={router as never} /></LiveContext></QueryClientProvider>);
  await screen.findByRole("heading", { name: "Your orders" });
}

beforeEach(() => {
  localStorage.clear();
  vi.stubGlobal("scrollTo", () => undefined);
});

test("whoever forgets their orders goes on at the page's heading", async () => {
  await show(1);
  await userEvent.click(screen.getByRole("button", { name: "Forget them" }));
  await userEvent.click(screen.getAllByRole("button", { name: "Forget them" }).at(-1) ?? document.body);
  expect(screen.queryByRole("heading", { name: "Your orders" })).toBeNull();
  expect(document.activeElement).toBe(screen.getByRole("heading", { name: "Cupcakes" }));
});

test("whoever asks for all of their orders goes on at the first one that was not there", async () => {
  await show(4);
  await userEvent.click(screen.getByRole("button", { name: "Show all 4" }));
  expect(document.activeElement).toBe(screen.getAllByRole("link")[2]);
});

import { QueryClientProvider } from "@tanstack/react-query";
import { createMemoryHistory, createRootRoute, createRoute, createRouter, RouterProvider } from "@tanstack/react-router";
import { render, screen, within } from "@testing-library/react";
import type { ReactNode } from "react";
import { expect, vi } from "vitest";
import { newQueryClient } from "../../api/queries";
import { LiveContext } from "../../live/hooks";
import { searchAsText } from "../../search";
import { currentLive } from "../../testing-data";
import { searchOf, type Search } from "./search";

/** Shows a view of the page with a router that reads its address; `address` tells where it is afterwards. */
export function showAt(address: string, view: (search: Search) => ReactNode): { readonly address: () => string } {
  vi.spyOn(window, "scrollTo").mockReturnValue(undefined); // jsdom cannot
  const root = createRootRoute();
  const history = createRoute({ getParentRoute: () => root, path: "/history", validateSearch: searchOf, component: Page });
  function Page() {
    return view(history.useSearch());
  }
  const routes = [history, createRoute({ getParentRoute: () => root, path: "/find/$id" })];
  const router = createRouter({ routeTree: root.addChildren(routes), history: createMemoryHistory({ initialEntries: [address] }), ...searchAsText });
  render(<QueryClientProvider client={newQueryClient()}><LiveContext value={currentLive()}><RouterProvider router={router as never} /></LiveContext></QueryClientProvider>);
  return { address: () => router.state.location.href };
}

/** A part of the page, once it has what it asked for. */
export async function block(name: string) {
  const region = await screen.findByRole("region", { name });
  await vi.waitFor(() => { expect(region.getAttribute("aria-busy")).toBe("false"); });
  return within(region);
}

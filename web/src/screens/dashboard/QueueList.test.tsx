import { QueryClientProvider } from "@tanstack/react-query";
import { render, screen, within } from "@testing-library/react";
import userEvent from "@testing-library/user-event";
import { expect, test, vi } from "vitest";
import { api } from "../../api/client";
import { Problem } from "../../api/problem";
import { newQueryClient } from "../../api/queries";
import type { OrderPage } from "../../api/schema.gen";
import { LiveContext } from "../../live/hooks";
import { at, silentLive, summary } from "../../testing-data";
import { QueueList } from "./QueueList";

function show(...pages: readonly Partial<OrderPage>[]) {
  const list = vi.spyOn(api, "orders").mockImplementation(({ pageToken }) => Promise.resolve({ orders: [], ...pages[Number(pageToken ?? 0)] }));
  const client = newQueryClient();
  const page = (version: number) => <QueryClientProvider client={client}><LiveContext value={silentLive(1_200)}><QueueList version={version} /></LiveContext></QueryClientProvider>;
  const { rerender } = render(page(0));
  return { list, change: (version: number) => { rerender(page(version)); }, asked: () => list.mock.calls.map(([filters]) => filters) };
}

const press = (name: string) => userEvent.click(screen.getByRole("button", { name }));
const rows = async () => within(await screen.findByRole("region", { name: /^Orders at/ })).getAllByRole("row").slice(1).map((row) => within(row).getAllByRole("cell").slice(0, 3).map((cell) => cell.textContent));

test("no orders are fetched before somebody wants to see them", () => {
  expect(show().asked()).toEqual([]);
});

test("the orders at a stage are shown with who has them in hand", async () => {
  const { asked } = show({ orders: [
    summary({ id: "a", pickupCode: "K7QF", state: "in-progress", stage: "bake", inHand: { by: "ben", since: at(900) } }),
    summary({ id: "b", pickupCode: "M2XY", state: "cancelling", stage: "bake", inHand: { by: "oven 2" } }),
    summary({ id: "c", pickupCode: "T9AB", stage: "bake", customer: { name: "Grace" } }),
  ] });
  await press("Bake");
  expect(await rows()).toEqual([["Ada", "In progress", "ben, for 5 min"], ["Ada", "Being cancelled", "oven 2"], ["Grace", "Needs attention", "–"]]);
  expect(screen.getAllByRole("rowheader").map((cell) => cell.textContent)).toEqual(["K7QF", "M2XY", "T9AB"]);
  expect(asked()[0]).toEqual({ stage: "bake" });
  expect(screen.queryByRole("button", { name: "Show more" })).toBeNull();
  await press("Bake");
  expect(screen.queryByRole("region", { name: /^Orders at/ }), "pressing again hides them").toBeNull();
});

test("orders are shown with what they cost, if any has a price", async () => {
  show({ orders: [summary({ id: "a", total: { currency: "EUR", decimals: 2, amount: 2880 } }), summary({ id: "b" })] });
  await press("Bake");
  await screen.findByRole("columnheader", { name: "Total" });
  expect(screen.getAllByRole("row").slice(1).map((row) => within(row).getAllByRole("cell").at(-1)?.textContent)).toEqual(["€28.80", "–"]);
});

test("without prices there is no column for them", async () => {
  show({ orders: [summary()] });
  await press("Bake");
  await rows();
  expect(screen.queryByRole("columnheader", { name: "Total" })).toBeNull();
});

test("more orders are shown when somebody asks for them, also behind a page that has none", async () => {
  const { asked } = show({ nextPageToken: "1" }, { orders: [summary({ id: "a" })], nextPageToken: "2" }, { orders: [summary({ id: "b", customer: { name: "Grace" } })] });
  await press("Mix");
  await screen.findByRole("button", { name: "Show more" });
  expect(screen.queryByText("No order is here.")).toBeNull();
  await press("Show more");
  expect(await rows()).toHaveLength(1);
  await press("Show more");
  await screen.findByText("Grace");
  expect(asked().slice(-1)).toEqual([{ stage: "mix", pageToken: "2" }]);
  expect(screen.queryByRole("button", { name: "Show more" })).toBeNull();
});

/** Answers when the test says so. */
function pending() {
  let answer: (page: OrderPage) => void = () => undefined;
  return { page: new Promise<OrderPage>((resolve) => { answer = resolve; }), answer: (page: OrderPage) => { answer(page); } };
}

test("an order that moves from one page to the next meanwhile is shown once, as it was fetched last", async () => {
  show({ orders: [summary({ id: "a", pickupCode: "K7QF" }), summary({ id: "b" })], nextPageToken: "1" }, { orders: [summary({ id: "a", pickupCode: "K7QF", state: "cancelling" }), summary({ id: "c" })] });
  await press("Mix");
  await press("Show more");
  await vi.waitFor(async () => { expect(await rows()).toHaveLength(3); });
  expect((await rows())[0]?.[1]).toBe("Being cancelled");
});

test("a change while more is fetched is fetched afterwards, and more is not lost to it", async () => {
  const { list, change, asked } = show({ orders: [summary({ id: "a" })], nextPageToken: "1" });
  await press("Mix");
  await screen.findByRole("button", { name: "Show more" });
  const more = pending();
  list.mockReturnValueOnce(more.page);
  await press("Show more");
  list.mockImplementation(({ pageToken }) => Promise.resolve(pageToken ? { orders: [summary({ id: "b" })] } : { orders: [summary({ id: "a", customer: { name: "Grace" } })], nextPageToken: "1" }));
  change(2);
  more.answer({ orders: [summary({ id: "b" })] });
  expect(await screen.findByText("Grace", undefined, { timeout: 5_000 })).toBeDefined();
  expect(await rows()).toHaveLength(2);
  expect(asked().filter(({ pageToken }) => pageToken === undefined)).toHaveLength(2);
});

test("a change that is being fetched when somebody asks for more is fetched afterwards", async () => {
  const { list, change } = show({ orders: [summary({ id: "a" })], nextPageToken: "1" });
  await press("Mix");
  await screen.findByRole("button", { name: "Show more" });
  const refetched = pending();
  list.mockReturnValueOnce(refetched.page);
  change(2);
  await vi.waitFor(() => { expect(list).toHaveBeenCalledTimes(2); }, 5_000);
  list.mockImplementation(({ pageToken }) => Promise.resolve(pageToken ? { orders: [summary({ id: "b" })] } : { orders: [summary({ id: "a", customer: { name: "Grace" } })], nextPageToken: "1" }));
  await press("Show more");
  expect(await screen.findByText("Grace", undefined, { timeout: 5_000 })).toBeDefined();
  expect(await rows()).toHaveLength(2);
});

test("an empty stage says so, and shows what comes when the kitchen changes", async () => {
  const { list, change } = show();
  await press("Package");
  await screen.findByText("No order is here.");
  list.mockResolvedValue({ orders: [summary()] });
  change(2);
  expect(await screen.findByText("Ada", undefined, { timeout: 5_000 })).toBeDefined();
});

test("what cannot be fetched says why", async () => {
  const { list } = show();
  list.mockRejectedValue(new Problem("This is for staff.", 403));
  await press("Mix");
  expect((await screen.findByRole("alert")).textContent).toContain("This is for staff.");
});

import { QueryClientProvider } from "@tanstack/react-query";
import { act, fireEvent, render, screen, within } from "@testing-library/react";
import userEvent from "@testing-library/user-event";
import { beforeEach, describe, expect, test, vi, type MockInstance } from "vitest";
import { api } from "../../api/client";
import { Problem } from "../../api/problem";
import { newQueryClient } from "../../api/queries";
import type { OrderSummary } from "../../api/schema.gen";
import { LiveContext } from "../../live/hooks";
import { askingOrder, at, attention, menu, order as status, pace, row, silentLive, summary } from "../../testing-data";
import { Questions } from "./Questions";

/** Orders whose questions are all of another kind. */
const single = (number: number): readonly OrderSummary[] =>
  Array.from({ length: number }, (_, i) => askingOrder({ id: `order-${i}`, pickupCode: `K${i}`, attention: attention({ cause: "silent", by: `bob ${i}` }) }));

const asking = askingOrder({ id: "a", pickupCode: "K7QF", pieces: 12, remakes: 2, scrapped: 24, inHand: { by: "mia" }, attention: attention({ cause: "silent", by: "mia" }) });
const refused = () => new Problem("Nothing is asked about this order now.", 409, { type: "/problems/refused", title: "Title", status: 409 });

let resolve: MockInstance<typeof api.resolve>;
let look: MockInstance<typeof api.order>;

beforeEach(() => {
  vi.spyOn(api, "menu").mockResolvedValue(menu());
  vi.spyOn(api, "pace").mockResolvedValue(pace(240, 600));
  resolve = vi.spyOn(api, "resolve").mockImplementation((id) => Promise.resolve(status({ id })));
  look = vi.spyOn(api, "order").mockImplementation((id) => Promise.resolve(status({ id, stages: [row("bake", "failed", { by: "ben", failedAt: at(60), reason: "burnt" })] })));
});

function show(orders: readonly OrderSummary[]) {
  const live = silentLive(1_200);
  const follow = vi.spyOn(live, "follow");
  const onRefused = vi.fn();
  const client = newQueryClient();
  const page = (listed: readonly OrderSummary[]) => <QueryClientProvider client={client}><LiveContext value={live}><Questions orders={listed} onRefused={onRefused} /></LiveContext></QueryClientProvider>;
  const { rerender } = render(page(orders));
  return { follow, onRefused, list: (listed: readonly OrderSummary[]) => { rerender(page(listed)); } };
}

// Not by role: that takes minutes where there are many.
const cards = () => [...document.querySelectorAll("article")].map((card) => card.getAttribute("aria-label"));
const press = (name: string) => userEvent.click(screen.getByRole("button", { name }));

describe("the desk", () => {
  test("has every question, however many stand alone, and follows no channel for them", () => {
    const { follow } = show(single(40));
    expect(cards()).toEqual(Array.from({ length: 40 }, (_, i) => `Order K${i}`));
    expect(follow).not.toHaveBeenCalled();
    expect(look, "nothing is asked about an order that nobody has looked into").not.toHaveBeenCalled();
  });

  test("adds cards when somebody wants to see more than it can show at once", () => {
    show([...single(110), askingOrder({ id: "x", attention: attention({ cause: "silent" }) }), askingOrder({ id: "y", attention: attention({ cause: "silent" }) })]);
    expect(cards()).toHaveLength(100);
    const more = () => [...document.querySelectorAll("button")].find((button) => button.textContent === "Show more: 12 orders");
    fireEvent.click(more() ?? document);
    expect(cards()).toHaveLength(111);
    expect(more()).toBeUndefined();
  }, 60_000); // it draws more than a hundred cards

  test("says so when there is nothing to decide", () => {
    const { list } = show([summary()]); // its question is not told yet
    expect(screen.getByText("Nothing to decide")).toBeDefined();
    list([asking]);
    expect(screen.queryByText("Nothing to decide")).toBeNull();
  });
});

describe("a question that stands alone", () => {
  test("has what the list tells", () => {
    show([asking]);
    const card = within(screen.getByRole("article", { name: "Order K7QF" }));
    for (const text of ["It failed.", "Bake", "for 10 min"]) expect(card.getByText(text)).toBeDefined();
    expect(card.getByText(/^12 pieces for/).closest("p")?.textContent).toMatch(/^12 pieces for Ada, ordered at .*, remade 2 times, 24 pieces scrapped so far\.$/);
    expect(card.getByText("mia").parentElement?.textContent).toBe("In hand: mia");
  });

  test("leaves out what the list does not tell", () => {
    show([askingOrder()]);
    expect(screen.getByText(/^For/).closest("p")?.textContent).toMatch(/^For Ada, ordered at [^,]*\.$/);
    expect(screen.queryByText(/In hand/)).toBeNull();
  });

  test("tells what happened when somebody wants to know", async () => {
    show([asking]);
    await userEvent.click(screen.getByText("What happened"));
    expect(await screen.findByText(/bake: failed, Burnt/)).toBeDefined();
    expect(look.mock.calls.map(([id]) => id)).toEqual(["a"]);
  });

  test("keeps a note while other questions come and go", async () => {
    const { list } = show([asking]);
    await userEvent.type(screen.getByRole("textbox", { name: "Note" }), "mia is ill");
    list([...single(2), asking]);
    expect(within(screen.getByRole("article", { name: "Order K7QF" })).getByRole<HTMLInputElement>("textbox", { name: "Note" }).value).toBe("mia is ill");
  });

  test("is decided with its note, as the question that was shown, and goes before lists know", async () => {
    const { list, onRefused } = show([asking]);
    await userEvent.type(screen.getByRole("textbox", { name: "Note" }), " once more ");
    await press("Retry");
    expect(resolve.mock.calls.map(([id, body]) => [id, body])).toEqual([["a", { choice: "retry", note: "once more", since: at(600) }]]);
    expect(cards()).toEqual([]);
    list([asking]);
    expect(cards(), "the list is a moment behind").toEqual([]);
    list([{ ...asking, attention: attention({ since: at(900) }) }]);
    expect(cards(), "another question about the same order").toEqual(["Order K7QF"]);
    expect(onRefused).not.toHaveBeenCalled();
  });

  test("that another manager has answered goes, and whoever came second is told", async () => {
    resolve.mockRejectedValue(refused());
    const { onRefused } = show([asking]);
    await press("Cancel the order");
    expect(onRefused).toHaveBeenCalledExactlyOnceWith("K7QF, cancel the order: Nothing is asked about this order now.");
    expect(cards()).toEqual([]);
  });

  test("stays if it is refused and still open", async () => {
    resolve.mockRejectedValue(refused());
    look.mockImplementation((id) => Promise.resolve(status({ id, attention: asking.attention })));
    const { onRefused } = show([asking]);
    await press("Retry");
    expect(onRefused).toHaveBeenCalledTimes(1);
    expect(cards()).toEqual(["Order K7QF"]);
  });

  test("stays if nobody knows whether the decision counts, and is decided again under the same key", async () => {
    resolve.mockRejectedValueOnce(new Problem("Temporal does not answer.", 503));
    const { onRefused } = show([asking]);
    await press("Retry");
    expect(screen.getByRole("alert").textContent).toContain("Temporal does not answer.");
    expect(onRefused).not.toHaveBeenCalled();
    await press("Retry");
    await act(() => Promise.resolve());
    expect(new Set(resolve.mock.calls.map(([, , key]) => key)).size).toBe(1);
    expect(resolve).toHaveBeenCalledTimes(2);
    expect(cards()).toEqual([]);
  });
});

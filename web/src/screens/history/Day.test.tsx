import { screen, within } from "@testing-library/react";
import userEvent from "@testing-library/user-event";
import { beforeEach, expect, test, vi } from "vitest";
import { api } from "../../api/client";
import { Problem } from "../../api/problem";
import type { HistoryDay } from "../../api/schema.gen";
import { menu } from "../../testing-data";
import { Day } from "./Day";
import { Forgotten } from "./Forgotten";
import { block, showAt } from "./testing";
import { delay, figures, historyDay, lateOrder } from "./testing-data";

beforeEach(() => {
  vi.spyOn(api, "menu").mockResolvedValue(menu());
  vi.spyOn(api, "historyDays").mockResolvedValue({ days: [figures({ day: "2026-02-25", orders: 30, pieces: 300, late: 9 })], readUntil: "2026-03-04T08:59:00Z" });
});

/** The page of a day. */
function show(day: Promise<HistoryDay>, address = "/history?day=2026-03-04") {
  const asked = vi.spyOn(api, "historyDay").mockReturnValue(day);
  const { address: now } = showAt(address, ({ day: chosen = "2026-03-04", late }) => <Day day={chosen} today="2026-03-04" late={late} />);
  return { asked, address: now };
}


test("a day’s figures are shown against the same weekday before", async () => {
  show(Promise.resolve(historyDay({ figures: figures({ orders: 42, pieces: 500, ready: 40, cancelled: 2, late: 4, revenue: [{ currency: "EUR", decimals: 2, amount: 161230 }] }) })));
  const tiles = (await block("The day in figures")).getAllByRole("listitem").map((tile) => tile.textContent);
  await vi.waitFor(async () => { expect((await block("The day in figures")).getAllByRole("listitem")[0]?.textContent).toBe("Orders42▲ 12, was 30"); });
  expect(tiles[2]).toContain("€1,612.30");
  expect(tiles[3], "of those that were not cancelled").toContain("40 (100 %)");
  expect(tiles[5]).toContain("4 (10 %)");
  expect(api.historyDays).toHaveBeenCalledWith("2026-02-25", "2026-02-25", expect.anything());
});

test("a day is not compared with one of which the ledger has nothing", async () => {
  vi.mocked(api.historyDays).mockResolvedValue({ days: [figures({ day: "2026-02-25" })], readUntil: "2026-03-04T08:59:00Z" });
  show(Promise.resolve(historyDay({ figures: figures({ orders: 42, pieces: 500, scrapped: 4 }) })));
  const part = await block("The day in figures");
  await part.findByText(/^The ledger has nothing for Wed 25 Feb, so there is no comparison\./);
  expect(part.getAllByRole("listitem").map((tile) => tile.textContent).join(" ")).not.toMatch(/was|before|▲/);
});

test("the arrow keys go through a chart", async () => {
  show(Promise.resolve(historyDay({ hours: [{ hour: 8, placed: 3, due: 0, ready: 1 }, { hour: 10, placed: 2, due: 4, ready: 0 }] })));
  const part = await block("Orders by hour");
  const legend = () => part.getByText(/^(in all|from)/).parentElement?.textContent;
  expect(legend()).toBe(" placed 5 due 4 ready 1in all");
  part.getByRole("img", { name: /^Chart: placed, due, ready/ }).focus();
  await userEvent.keyboard("{ArrowLeft}");
  expect(legend()).toBe(" placed 2 due 4 ready 0from 10:00 to 11:00");
  await userEvent.keyboard("{Home}{ArrowRight}");
  expect(legend()).toBe(" placed 0 due 0 ready 0from 9:00 to 10:00");
  await userEvent.tab();
  expect(legend()).toBe(" placed 5 due 4 ready 1in all");
});

test("each part says up to when it is, and comes as a file", async () => {
  show(Promise.resolve(historyDay()));
  const waste = await block("Thrown away");
  expect(waste.getByText(/^As of .*\d:59/)).toBeDefined();
  expect(waste.getByRole("link", { name: "CSV: Thrown away" }).getAttribute("href")).toBe("/api/v1/history/days/2026-03-04?table=waste&format=csv");
  expect((await block("The day in figures")).getByRole("link", { name: /^CSV/ }).getAttribute("href")).toBe("/api/v1/history/days?from=2026-03-04&to=2026-03-04&format=csv");
});

test("a day without anything says so in each part", async () => {
  show(Promise.resolve(historyDay()));
  await screen.findByText("No cupcakes are ordered for this day.");
  for (const text of ["No order was placed, due or ready on this day.", "No order was late.", "Nothing failed on this day, and nothing was thrown away.", "Nobody has ended a ticket on this day."]) screen.getByText(text);
});

test("what is in a chart is in words and in a table too", async () => {
  show(Promise.resolve(historyDay({
    flavours: [{ flavour: "lemon", size: "M", pieces: 12, scrapped: 2, revenue: [] }],
    waste: [{ stage: "bake", reason: "burnt", flavour: "lemon", worker: "bob", failures: 1, pieces: 2 }],
    hours: [{ hour: 9, placed: 3, due: 0, ready: 1 }],
  })));
  const flavours = await block("Flavours");
  await flavours.findByText("Lemon", { selector: ".wrap-anywhere" });
  expect(flavours.getByRole("list", { name: "Pieces by flavour" }).textContent).toContain("12, 2 thrown away");
  const rows = (await block("Orders by hour")).getAllByRole("row", { hidden: true }).map((row) => row.textContent);
  expect(rows).toEqual(["FromPlacedDueReady", "9:00301"]);
  const waste = await block("Thrown away");
  expect(waste.getByRole("list", { name: "Thrown away, by reason" }).textContent).toContain("Burnt at bake");
  expect(waste.getByRole("list", { name: "Thrown away, by who reported it" }).textContent).toContain("bob at bake2 pieces, 1 failure");
});

test("a late order tells its cause, and its way when it is opened, which the address keeps", async () => {
  const asked = vi.spyOn(api, "delay").mockResolvedValue(delay({ steps: [{ stage: "bake", pass: 1, kind: "make", waitedSeconds: 2350, usualWaitedSeconds: 310, inHandSeconds: 600, extraSeconds: 2040, failures: 0, silentSeconds: 0, askedSeconds: 120, worker: "bob" }] }));
  const { address } = show(Promise.resolve(historyDay({ late: [lateOrder(), lateOrder({ orderId: "0199c0de-7a11-7000-8000-00000000beef", pickupCode: "M2XY", cause: "remake" })] })));
  const late = await block("Late orders");
  const row = late.getByRole("button", { name: /^K7QF 40 min late due .* Queue at bake/ });
  expect(asked).not.toHaveBeenCalled();
  await userEvent.click(row);
  expect(address()).toBe("/history?day=2026-03-04&late=K7QF");
  expect(row.getAttribute("aria-expanded")).toBe("true");
  const steps = await late.findByRole("region", { name: "Stage by stage" });
  expect(within(steps).getAllByRole("row")[1]?.textContent).toContain("39 min (5 min)10 min +34 min2 min waiting for a managerbobWho else?");
  expect(within(steps).getByRole("link", { name: "Who else was on the tray at bake" }).getAttribute("href")).toBe("/history?tab=trace&ticket=0199c0de-7a11-7000-8000-00000000cafe.bake.1");
  expect(asked.mock.calls.map(([id]) => id)).toEqual(["0199c0de-7a11-7000-8000-00000000cafe"]);
  await userEvent.click(row);
  expect(address()).toBe("/history?day=2026-03-04");
});

test("a late order whose customer’s data was erased leads nowhere", async () => {
  const { orderId, ...erased } = lateOrder();
  show(Promise.resolve(historyDay({ late: [erased] })), "/history?day=2026-03-04&late=K7QF");
  const late = await block("Late orders");
  expect(late.getByText("· customer’s data erased")).toBeDefined();
  expect(late.queryByRole("button")).toBeNull();
  expect(late.queryByRole("link", { name: "All about this order" })).toBeNull();
  expect(orderId).toBeDefined();
});

test("the days beside it are a press away, and so is today", async () => {
  const { asked, address } = show(Promise.resolve(historyDay()), "/history?day=2026-03-01");
  await userEvent.click(await screen.findByRole("link", { name: "The day before: Sat 28 Feb" }));
  expect(address()).toBe("/history?day=2026-02-28");
  await userEvent.click(screen.getByRole("link", { name: "Today" }));
  expect(address()).toBe("/history");
  await vi.waitFor(() => { expect(asked.mock.calls.map(([day]) => day)).toEqual(["2026-03-01", "2026-02-28", "2026-03-04"]); });
});

test("a ledger that does not answer says so, with a way to try again", async () => {
  const { asked } = show(Promise.reject(new Problem("The ledger’s database does not answer.", 400)));
  const day = await block("The day in figures");
  expect((await day.findByRole("alert")).textContent).toContain("The ledger’s database does not answer.");
  asked.mockResolvedValue(historyDay());
  await userEvent.click(day.getByRole("button", { name: "Try again" }));
  await day.findByText("Orders");
});

test("an order that Temporal has forgotten is told from the ledger", async () => {
  vi.spyOn(api, "delay").mockResolvedValue(delay({ state: "shipped", dueAt: "2026-03-04T08:00:00Z", readyAt: "2026-03-04T08:40:00Z" }));
  showAt("/history", () => <Forgotten id="0199c0de-7a11-7000-8000-00000000cafe" unknown="nothing" />);
  expect((await screen.findByRole("heading", { level: 1 })).textContent).toBe("K7QF");
  expect(screen.getByText(/^Temporal does not have this order\./).textContent).toContain("This is what the ledger remembers.");
  expect(screen.getByRole("region", { name: "Its way" }).textContent).toContain("Queue at bake");
});

test("an order that the ledger does not know either does not exist", async () => {
  vi.spyOn(api, "delay").mockRejectedValue(new Problem("There is no such order", 404, { type: "/problems/order-not-found", title: "There is no such order", status: 404 }));
  showAt("/history", () => <Forgotten id="a" unknown={<p>nothing</p>} />);
  await screen.findByText("nothing");
});

import { screen, within, type BoundFunctions, type queries } from "@testing-library/react";
import userEvent from "@testing-library/user-event";
import { beforeEach, expect, test, vi } from "vitest";
import { api } from "../../api/client";
import type { StageLoad, TracedTicket } from "../../api/schema.gen";
import { stages } from "../../design/stages";
import { setBakeryZone } from "../../design/time";
import { at, menu } from "../../testing-data";
import { Ahead } from "./Ahead";
import { block, showAt } from "./testing";
import { figures } from "./testing-data";
import { Trace } from "./Trace";
import { Trends } from "./Trends";

beforeEach(() => {
  setBakeryZone("UTC");
  vi.spyOn(api, "menu").mockResolvedValue(menu());
});

/** One of the views, as the address says. */
function show(address: string) {
  return showAt(address, (search) => {
    if (search.tab === "trends") return <Trends span={search.range ?? 28} today="2026-03-04" search={search} />;
    return search.tab === "ahead" ? <Ahead day={search.day} today="2026-03-04" /> : <Trace search={search} />;
  });
}

const rowsOf = (region: BoundFunctions<typeof queries>) => region.getAllByRole("row", { hidden: true }).slice(1).map((row) => row.textContent);

test("trends show every day, and each leads to its page", async () => {
  const euros = (amount: number) => [{ currency: "EUR", decimals: 2, amount }];
  vi.spyOn(api, "historyStages").mockResolvedValue({ stages: [], hours: [] });
  const days = vi.spyOn(api, "historyDays").mockResolvedValue({ days: [figures({ day: "2026-03-03", orders: 11, cancelled: 1, pieces: 90, late: 2, ready: 9, revenue: euros(9_050) }), figures({ orders: 10, pieces: 80, scrapped: 6, revenue: euros(100) })] });
  show("/history?range=7");
  const pieces = await block("Pieces a day");
  await pieces.findByText("170");
  expect(days).toHaveBeenCalledWith("2026-02-26", "2026-03-04", expect.anything());
  expect(rowsOf(pieces), "the newest first").toEqual(["Wed 4 Mar10806", "Tue 3 Mar11900"]);
  expect(pieces.getByRole("link", { name: "Tue 3 Mar", hidden: true }).getAttribute("href")).toBe("/history?day=2026-03-03");
  expect((await block("Revenue a day")).getByText("€91.50")).toBeDefined();
  expect((await block("In time and late")).getByText(/^10 % of the orders were late\./)).toBeDefined();
  expect((await block("How long the stages take")).getByText("No ticket was done in these days.")).toBeDefined();
});

test("the span and the stage of the heat map are in the address", async () => {
  vi.spyOn(api, "historyDays").mockResolvedValue({ days: [] });
  vi.spyOn(api, "historyStages").mockResolvedValue({
    stages: stages.map((stage) => ({ stage, tickets: 3, waited: { p50: 10, p90: stage === "decorate" ? 900 : 20 }, inHand: { p50: 60, p90: 120 } })),
    hours: [{ stage: "decorate", weekday: "friday", hour: 11, tickets: 2, waited: { p50: 300, p90: 900 } }],
  });
  const { address } = show("/history?tab=trends");
  const slow = await block("When it is slow");
  const chosen = () => slow.getByRole("group", { name: "Stage" }).querySelector("[aria-current]")?.textContent;
  await vi.waitFor(() => { expect(chosen(), "where tickets wait longest").toBe(" Decorate"); });
  expect(rowsOf(within(slow.getByRole("region", { name: "Waited at decorate, by weekday and hour, as a table", hidden: true })))).toEqual(["Friday, 11:005 min15 min2"]);
  await userEvent.click(slow.getByRole("link", { name: "Bake" }));
  expect(address()).toBe("/history?tab=trends&heat=bake");
  await slow.findByText("No ticket was done at bake in these days.");
  await userEvent.click(screen.getByRole("link", { name: "90 days" }));
  expect(address()).toBe("/history?tab=trends&heat=bake&range=90");
});

const load = (stage: StageLoad["stage"], part: Partial<StageLoad> = {}): StageLoad => ({ stage, waiting: 0, inHand: 0, asked: 0, arrivedLastHour: 0, doneLastHour: 0, people: 0, ...part });

test("the bottleneck is named, with what it needs", async () => {
  vi.spyOn(api, "bottleneck").mockResolvedValue({ at: at(0), stage: "decorate", stages: [load("mix", { asked: 2 }), load("decorate", { waiting: 9, oldestWaitingSeconds: 2900, people: 1, clearSeconds: 5510 })] });
  vi.spyOn(api, "forecast").mockResolvedValue({ day: "2026-03-05", weekday: "thursday", weeks: 2, flavours: [{ flavour: "lemon", pieces: 118, low: 84, high: 160, ordered: 36 }], readUntil: at(0) });
  show("/history?tab=ahead");
  const now = await block("The bottleneck now");
  expect((await now.findByText(/holds up the others/)).closest("p")?.textContent).toBe("Decorate holds up the others: 9 tickets wait there, and clearing them takes about 1 h 31 min.");
  expect(now.getAllByRole("definition").map((each) => each.textContent)).toContain("9, oldest 48 min");
  expect(now.getAllByText("nobody lately")).toHaveLength(1);
  expect(now.getAllByText("Waiting for a manager").map((each) => each.parentElement?.textContent)).toEqual(["Waiting for a manager2"]);
  const forecast = await block("Forecast for Thu 5 Mar");
  expect((await forecast.findByText(/are expected/)).closest("p")?.textContent).toBe("About 118 pieces are expected, going by the last 2 Thursdays; 36 are ordered already.");
  await vi.waitFor(() => { expect(forecast.getByRole("list", { name: "Forecast by flavour" }).textContent).toBe(" Lemon118 (84–160), 36 ordered"); });
});

test("a kitchen without work has no bottleneck, and a new ledger no forecast", async () => {
  vi.spyOn(api, "bottleneck").mockResolvedValue({ at: at(0), stages: stages.map((stage) => load(stage)) });
  const asked = vi.spyOn(api, "forecast").mockResolvedValue({ day: "2026-03-07", weekday: "saturday", weeks: 0, flavours: [] });
  show("/history?tab=ahead&day=2026-03-07");
  await screen.findByText("Nothing waits anywhere.");
  await screen.findByText(/^There is no Saturday in the ledger yet/);
  expect(asked.mock.calls.map(([day]) => day)).toEqual(["2026-03-07"]);
  expect((await block("Forecast for Sat 7 Mar")).getByText("The ledger has read nothing yet")).toBeDefined();
});

test("what waits for a manager alone waits all the same", async () => {
  vi.spyOn(api, "bottleneck").mockResolvedValue({ at: at(0), stages: stages.map((stage) => load(stage, { asked: 1, clearSeconds: 0 })) });
  vi.spyOn(api, "forecast").mockResolvedValue({ day: "2026-03-07", weekday: "saturday", weeks: 0, flavours: [] });
  show("/history?tab=ahead&day=2026-03-07");
  await screen.findByText("Nothing waits but for a manager.");
});

const traced = (part: Partial<TracedTicket> = {}): TracedTicket => ({ orderId: "0199c0de-7a11-7000-8000-00000000cafe", pickupCode: "K7QF", customer: "Ada", stage: "bake", pass: 1, worker: "bob", endedAt: at(0), flavours: ["lemon", "nut"], pieces: 12, state: "shipped", ...part });

test("a batch is traced by the bakery’s clock, and the address keeps what was asked", async () => {
  const asked = vi.spyOn(api, "trace").mockResolvedValue({ tickets: [], more: false });
  const { address } = show("/history?tab=trace");
  expect(await screen.findByLabelText("Ended until"), "the last hour").toHaveProperty("value", "2026-03-04T09:00");
  setBakeryZone("Asia/Tokyo");
  await userEvent.selectOptions(screen.getByLabelText("Stage"), "Bake");
  await screen.findByRole("option", { name: "Lemon" });
  await userEvent.selectOptions(screen.getByLabelText("Flavour"), "Lemon");
  await userEvent.click(screen.getByRole("button", { name: "Trace" }));
  expect(decodeURIComponent(address())).toBe("/history?tab=trace&stage=bake&flavour=lemon&from=2026-03-04T08:00&to=2026-03-04T09:00");
  expect(asked.mock.calls[0]?.[0]).toEqual({ stage: "bake", flavour: "lemon", from: "2026-03-03T23:00:00.000Z", to: "2026-03-04T00:00:00.000Z" });
  await screen.findByText("No ticket ended there in that time.");
});

test("what is traced leads to the orders, and not to those that were erased", async () => {
  const { orderId, customer, ...erased } = traced({ pickupCode: "M2XY", collectedAt: at(60) });
  vi.spyOn(api, "trace").mockResolvedValue({ tickets: [traced(), erased], more: true });
  show("/history?tab=trace&stage=bake&from=2026-03-04T08:00&to=2026-03-04T09:00");
  expect((await screen.findByText(/^2 tickets/, { selector: "b" })).parentElement?.textContent).toBe("2 tickets of 2 orders, 24 pieces. 1 was handed out.");
  const table = within(screen.getByRole("region", { name: "Tickets of the batch" }));
  expect(table.getByRole("link", { name: "K7QF" }).getAttribute("href")).toBe(`/find/${String(orderId)}`);
  expect(table.getByRole("link", { name: "Who was on the tray with K7QF" }).getAttribute("href")).toBe(`/history?tab=trace&ticket=${String(orderId)}.bake.1`);
  expect(table.queryByRole("link", { name: /M2XY/ })).toBeNull();
  expect(table.getAllByRole("row").map((row) => row.textContent)[2]).toMatch(/^M2XYerased/);
  expect(table.queryByText(String(customer)), "the other one’s").not.toBeNull();
  screen.getByText("There are more than these: ask for less time.");
});

test("an order of long ago is found by its code, and leads to its day", async () => {
  const order = { orderId: "0199c0de-7a11-7000-8000-00000000cafe", pickupCode: "K7QF", state: "shipped" as const, pieces: 12, placedAt: "2026-01-31T08:00:00Z", dueAt: "2026-01-31T09:00:00Z", readyAt: "2026-01-31T09:30:00Z" };
  const { dueAt, readyAt, ...cancelled } = order;
  const asked = vi.spyOn(api, "ordersByCode").mockResolvedValue({ orders: [order, { ...order, orderId: "b", readyAt: dueAt }, { ...cancelled, orderId: "c", state: "in-progress", withdrawnAt: "2026-01-31T10:00:00Z" }] });
  const { address } = show("/history?tab=trace");
  await userEvent.type(await screen.findByLabelText("Pickup code"), "k7qf");
  await userEvent.click(screen.getByRole("button", { name: "Find" }));
  expect(address()).toBe("/history?tab=trace&code=K7QF");
  const found = await block("Orders with the code K7QF");
  expect(asked).toHaveBeenCalledWith("K7QF", expect.anything());
  expect(found.getAllByRole("link", { name: "K7QF" })[0]?.getAttribute("href")).toBe(`/find/${order.orderId}`);
  expect(found.getByRole("link", { name: "Why it was late" }).getAttribute("href")).toBe("/history?day=2026-01-31&late=K7QF");
  expect(found.getAllByRole("link", { name: "Sat 31 Jan" }).map((link) => link.getAttribute("href")), "those in time, or that never were ready").toEqual(["/history?day=2026-01-31", "/history?day=2026-01-31"]);
  expect(readyAt).not.toBe(dueAt);
  expect(found.getAllByRole("row").map((row) => row.textContent)[3]).toContain("Withdrawn");
});

test("a code that the ledger does not know is said to be so", async () => {
  vi.spyOn(api, "ordersByCode").mockResolvedValue({ orders: [] });
  show("/history?code=2345");
  expect((await block("Orders with the code 2345")).getByText(/^The ledger knows no order with this code/)).toBeDefined();
});

test("a ticket alone finds its tray", async () => {
  const asked = vi.spyOn(api, "trace").mockResolvedValue({ tickets: [traced()], more: false });
  const { address } = show("/history?tab=trace");
  await userEvent.type(await screen.findByLabelText("Ticket"), "0199c0de-7a11-7000-8000-00000000cafe.bake.1");
  await userEvent.click(screen.getByRole("button", { name: "Who was on this tray?" }));
  expect(address()).toContain("ticket=0199c0de-7a11-7000-8000-00000000cafe.bake.1");
  await screen.findByRole("region", { name: "On the same tray" });
  expect(asked.mock.calls[0]?.[0]).toEqual({ ticket: "0199c0de-7a11-7000-8000-00000000cafe.bake.1" });
});

test("a time that ends before it begins is not asked for", async () => {
  const asked = vi.spyOn(api, "trace");
  show("/history?tab=trace&stage=bake&from=2026-03-04T09:00&to=2026-03-04T08:00");
  await screen.findByText("This is before the beginning.");
  await userEvent.click(screen.getByRole("button", { name: "Trace" }));
  expect(asked).not.toHaveBeenCalled();
});

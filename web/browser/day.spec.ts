import { mkdirSync } from "node:fs";
import { resolve } from "node:path";
import type { Page } from "@playwright/test";
import type { OrderStatus, Stage } from "../src/api/schema.gen";
import { noon as noonZone, staff, until } from "./factory";
import { choose, expect, group, orderIdOf, test, ticket } from "./test";

// A kitchen of its own, in which nothing is left of other tests. The test gives it another file once it knows when noon is.
test.use({ kitchen: [`remakes: {max: 2}\nopening: {timezone: ${noonZone}, slot: 5m}\n`, { scope: "worker" }] });

// Its pictures are for looking at: they lie beside the other results.
const into = resolve(import.meta.dirname, "../test-results/day");

const phone = { width: 390, height: 844 };
const wall = { width: 1920, height: 1080 };

/** The time that customers have to order for noon. */
const untilNoon = 100_000;
const slot = 300_000;

/** How long the kitchen needs, in whole seconds, so that what is ordered now for the first slot is begun at noon: it may be wanted before the next slot begins, or in the middle of it. */
function leadFor(noon: number): number {
  const first = Math.ceil((noon + slot) / slot) * slot;
  return Math.round((first - noon) / 1000) * 1000;
}

const kitchenWith = (lead: number) => `remakes: {max: 2}\nopening: {timezone: ${noonZone}, slot: 5m, capacity: 60, lead: {base: ${lead / 1000}s, perDozen: 0s}}\n`;

/** Somebody who starts whatever waits on a board and finishes what they have in hand, until they are told to stop. */
function working(board: Page): { readonly stop: () => Promise<void> } {
  const state = { stopped: false };
  const press = async (name: RegExp) => {
    const button = board.getByRole("article").getByRole("button", { name }).first();
    // It may go away, or be another ticket's, before it is pressed.
    return (await button.count()) > 0 && button.click({ timeout: 3000 }).then(() => true, () => false);
  };
  const work = (async () => {
    while (!state.stopped) {
      const did = (await press(/^Done$/)) || (await press(/^Cleared away/)) || (await press(/^Start$/));
      if (!did) await board.waitForTimeout(100);
    }
  })();
  return { stop: async () => { state.stopped = true; await work; } };
}

test("a bakery's day, from the first pre-order to what nobody has fetched", async ({ desk, factory }) => {
  test.setTimeout(900_000); // half of it for a customer who is too slow for the first slot, and takes the next
  mkdirSync(into, { recursive: true });
  let pictures = 0;
  const look = async (page: Page, name: string) => {
    await page.screenshot({ path: `${into}/${String(++pictures).padStart(2, "0")}-${name}.png`, animations: "disabled" });
  };
  const stages = ["mix", "bake", "decorate", "package"] as const;
  const boards = Object.fromEntries(await Promise.all(stages.map(async (stage) => [stage, await desk.open(`/stations/${stage}`, staff[stage])] as const))) as Record<Stage, Page>;
  const [counter, overview, manager] = [await desk.open("/counter", staff.package), await desk.open("/kitchen", undefined, { viewport: wall }), await desk.open("/dashboard", staff.manager)];

  // At eight: customers order for noon. Only now is it known when that is, however long it took until everybody is there.
  const lead = leadFor(Date.now() + untilNoon);
  await factory.changeKitchen(kitchenWith(lead));
  const early = await desk.open("/", undefined, { viewport: phone, reducedMotion: "reduce" });
  await choose(early, "Red velvet");
  await early.getByRole("textbox", { name: "How many" }).fill("12");
  await early.getByLabel("Message on each").fill("Happy 40th");
  await look(early, "choosing");
  await early.getByRole("button", { name: "Add to basket" }).click();
  await early.getByLabel("Name", { exact: true }).fill("Ada Lovelace");
  await early.getByRole("radio", { name: "A day and time" }).check({ force: true });
  const time = early.getByRole("combobox", { name: "Time" });
  await time.selectOption({ index: 1 });
  await look(early, "order-for-noon");
  await early.getByRole("button", { name: /^Order 12 cupcakes/ }).click();
  await expect(early).toHaveURL(/\/orders\/[0-9a-f-]{36}$/);
  const { dueAt: pickupAt = "" } = await until("the order has its time", () => factory.order(orderIdOf(early)));
  const noon = Date.parse(pickupAt) - lead;
  const preOrders = [orderIdOf(early)];
  for (const name of ["Grace Hopper", "Мира Петрова"]) preOrders.push((await factory.place({ customer: { name }, lines: [{ flavour: "chocolate", size: "L", quantity: 8 }], pickupAt })).id);
  await look(early, "waits-for-noon");

  // The morning: a batch burns and is made once more; one customer changes their mind.
  const burnt = await factory.place({ customer: { name: "Linus" }, lines: [{ flavour: "lemon", size: "M", quantity: 6 }] });
  const customer = await desk.open(`/orders/${burnt.id}`, undefined, { viewport: phone, reducedMotion: "reduce" });
  await ticket(boards.mix, burnt.pickupCode).getByRole("button", { name: "Start" }).click();
  await ticket(boards.mix, burnt.pickupCode).getByRole("button", { name: "Done" }).click();
  await ticket(boards.bake, burnt.pickupCode).getByRole("button", { name: "Start" }).click();
  await ticket(boards.bake, burnt.pickupCode).getByRole("button", { name: "Failed …" }).click();
  await boards.bake.getByRole("radio", { name: "Burnt" }).check();
  await boards.bake.getByLabel("Note", { exact: true }).fill("oven 2");
  await boards.bake.getByRole("button", { name: "Report failure" }).click();
  await expect(customer.getByText("did not turn out as they should")).toBeVisible();
  await look(customer, "a-burnt-batch");

  const regretted = await factory.place({ customer: { name: "Zoë" }, lines: [{ flavour: "vanilla", size: "S", quantity: 4 }] });
  await ticket(boards.mix, regretted.pickupCode).getByRole("button", { name: "Start" }).click();
  await ticket(boards.mix, regretted.pickupCode).getByRole("button", { name: "Done" }).click();
  const regrets = await desk.open(`/orders/${regretted.id}`, undefined, { viewport: phone, reducedMotion: "reduce" });
  await factory.untilWaitingFor(regretted.id, "bake");
  await regrets.getByRole("button", { name: "Cancel the order" }).click();
  await regrets.getByRole("dialog").getByRole("button", { name: "Cancel the order" }).click();
  for (const board of [boards.bake, boards.mix]) await ticket(board, regretted.pickupCode).getByRole("button", { name: /^Cleared away/ }).click();
  await factory.untilState(regretted.id, "cancelled");
  await expect(regrets.getByRole("heading", { level: 1 })).toHaveText("Cancelled");
  await look(regrets, "cancelled");

  // Noon: the rush, with the pre-orders among it.
  const rush: OrderStatus[] = [];
  for (const [i, name] of ["Omar", "Ines", "Kwame", "Noor", "Yuki", "Petra"].entries()) {
    rush.push(await factory.place({ customer: { name }, lines: [{ flavour: ["lemon", "chocolate", "vanilla"][i % 3] ?? "lemon", size: "M", quantity: 4 + i }], ...(i === 2 && { notes: "a candle, please" }) }));
  }
  await boards.mix.waitForTimeout(Math.max(0, noon - Date.now())); // on a fast machine the morning is over before
  for (const id of preOrders) {
    const { stages: rows } = await factory.untilWaitingFor(id, "mix");
    expect(rows.map(({ issuedAt = "" }) => Date.parse(issuedAt) >= noon), "nothing is mixed before its time").toEqual([true]);
  }
  await expect(group(boards.mix, "Waiting").getByRole("article")).toHaveCount(rush.length + preOrders.length + 1);
  await look(boards.mix, "rush-at-the-mixer");
  await look(overview, "rush-overview");

  // What is of one flavour is mixed together.
  await boards.mix.getByRole("button", { name: /^Start \d+ tickets of Chocolate together/ }).click();
  await expect(group(boards.mix, "Mine").getByRole("article")).toHaveCount(4);
  await look(boards.mix, "a-batch-of-chocolate");

  // The lemons are gone.
  await boards.bake.getByRole("button", { name: "Sold out, pause …" }).click();
  await boards.bake.getByRole("button", { name: "Lemon is sold out" }).click();
  await expect(boards.bake.getByRole("button", { name: "Lemon is back" })).toBeVisible();
  await boards.bake.getByRole("button", { name: "Close" }).click();
  const late = await desk.open("/", undefined, { viewport: phone, reducedMotion: "reduce" });
  await expect(late.getByRole("button", { name: /^Lemon/ })).toBeDisabled();
  await look(late, "no-lemon-today");

  // Everybody works until all is packed.
  const hands = stages.map((stage) => working(boards[stage]));
  await until("the queues are at work", async () => {
    const first = await factory.order(rush[0]?.id ?? "");
    return first && first.waitingFor !== "mix";
  });
  await look(overview, "afternoon-overview");
  await look(boards.bake, "afternoon-at-the-oven");
  const all = [burnt.id, ...rush.map(({ id }) => id), ...preOrders];
  for (const id of all) await factory.untilState(id, "shipped");
  for (const hand of hands) await hand.stop();
  await expect(early.getByRole("heading", { level: 1 })).toContainText("Ready");
  await look(early, "ready");

  // Closing: all but two were fetched.
  const collected = all.length - 2;
  const handOut = counter.getByRole("region", { name: /^Hand out/ });
  await expect(handOut.getByRole("listitem")).toHaveCount(all.length);
  await look(counter, "counter-full");
  for (let left = all.length; left > all.length - collected; left--) {
    await handOut.getByRole("button", { name: "is collected" }).first().click();
    await expect(handOut.getByRole("listitem")).toHaveCount(left - 1);
  }
  await look(counter, "two-left");
  await expect(handOut.getByRole("listitem")).toHaveCount(2);
  await expect(counter.getByRole("region", { name: "Ready to collect" }).getByRole("listitem"), "the display has forgotten the others").toHaveCount(2);
  await look(manager, "the-day-in-figures");
  for (const stage of stages) await expect(group(boards[stage], "Waiting").getByRole("article"), `nothing is left at ${stage}`).toHaveCount(0);
});

import type { Page } from "@playwright/test";
import { staff, until, type Factory, type Person } from "./factory";
import { expect, group, justDone, openUnhurried, test, ticket } from "./test";

// Whoever has a mix ticket in hand may be silent for five seconds, and an order
// asks soon afterwards. A station that takes nothing for as long raises its alarm.
test.use({ kitchen: "ackWithin: {mix: 5s}\nattention: {afterReissues: 2, untakenAfter: 5s}\n" });

/** Waits until an order's first ticket was delivered that often. */
async function untilDelivered(factory: Factory, id: string, times: number): Promise<void> {
  await until(`the ticket is delivered ${times} times`, async () => (await factory.order(id))?.stages.some((row) => row.attempt >= times));
}

/** Takes an order's first ticket without a page that would say that the work goes on. */
async function takeAndGoSilent(factory: Factory, person: Person, id: string): Promise<void> {
  await factory.untilWaitingFor(id, "mix");
  await factory.ack(person, `${id}.mix.1`, { kind: "started" });
}

/** The codes of the tickets that wait, from top to bottom. */
async function waitingCodes(board: Page): Promise<readonly string[]> {
  const labels = await group(board, "Waiting").getByRole("article").evaluateAll((cards) => cards.map((card) => card.getAttribute("aria-label") ?? ""));
  return labels.map((label) => label.replace("Ticket ", ""));
}

test("work that takes long stays with whoever began it, even if its ticket is delivered again", async ({ desk, factory }) => {
  const { id, pickupCode } = await factory.place();
  const { page: mia, hurry } = await openUnhurried(desk, "/stations/mix", staff.mix);
  const max = await desk.open("/stations/mix", staff.manager);
  const said: string[] = [];
  mia.on("request", (request) => {
    if (request.url().endsWith("/acks")) said.push(request.postData() ?? "");
  });
  await ticket(mia, pickupCode).getByRole("button", { name: "Start" }).click();
  await expect(mia.getByRole("button", { name: `${pickupCode} is yours.` })).toBeVisible();
  await mia.getByTitle("Press to close").click();
  await hurry();
  await untilDelivered(factory, id, 2);
  await expect(group(mia, "Mine").getByRole("article", { name: `Ticket ${pickupCode}` })).toBeVisible();
  await expect(mia.getByTitle("Press to close"), "nobody is told that the work goes on").toBeHidden();
  await expect(ticket(max, pickupCode)).toContainText("In hand: mia");
  await expect(ticket(max, pickupCode).getByRole("button")).toHaveCount(0);
  await expect.poll(() => said.length, "the page says again and again that the work goes on").toBeGreaterThan(2);
  expect(new Set(said)).toEqual(new Set([JSON.stringify({ kind: "started" })]));
  expect((await factory.order(id))?.attention).toBeUndefined();

  await ticket(mia, pickupCode).getByRole("button", { name: "Done" }).click();
  const order = await factory.untilWaitingFor(id, "bake");
  expect(order.stages.find((row) => row.stage === "mix")?.by).toBe("mia");
});

test("a ticket that is put back waits again, and somebody else takes it", async ({ desk, factory }) => {
  const { id, pickupCode } = await factory.place();
  const { page: mia, hurry } = await openUnhurried(desk, "/stations/mix", staff.mix);
  const max = await desk.open("/stations/mix", staff.manager);
  const [hers, his] = [ticket(mia, pickupCode), ticket(max, pickupCode)];
  await hers.getByRole("button", { name: "Start" }).click();
  await expect(his).toContainText("In hand: mia");
  await hers.getByRole("button", { name: "Put back" }).click();
  await hers.getByRole("button", { name: "Take back" }).click();
  await expect(hers.getByRole("button", { name: "Done" }), "a slip of the finger").toBeVisible();
  await hurry();
  await hers.getByRole("button", { name: "Put back" }).click();
  await expect(group(mia, "Waiting").getByRole("article", { name: `Ticket ${pickupCode}` })).toBeVisible();
  await his.getByRole("button", { name: "Start" }).click();
  await expect(group(max, "Mine").getByRole("article", { name: `Ticket ${pickupCode}` })).toBeVisible();
  await expect(hers).toContainText("In hand: max");
  await his.getByRole("button", { name: "Done" }).click();
  const order = await factory.untilWaitingFor(id, "bake");
  expect(order.stages.find((row) => row.stage === "mix")?.by).toBe("max");
});

test("a ticket can be taken over from somebody who has not been heard of", async ({ desk, factory }) => {
  const { id, pickupCode } = await factory.place();
  await takeAndGoSilent(factory, staff.mix, id);
  const max = await desk.open("/stations/mix", staff.manager);
  const card = ticket(max, pickupCode);
  await expect(card).toContainText("In hand: mia");
  await expect(card).toContainText("mia has not been heard of for");
  await card.getByRole("button", { name: "Take over from mia" }).click();
  await expect(group(max, "Mine").getByRole("article", { name: `Ticket ${pickupCode}` })).toBeVisible();
  const mia = await desk.open("/stations/mix", staff.mix);
  await expect(ticket(mia, pickupCode)).toContainText("In hand: max");
  await expect(ticket(mia, pickupCode).getByRole("button")).toHaveCount(0);
  await card.getByRole("button", { name: "Done" }).click();
  await factory.untilWaitingFor(id, "bake");
});

test("who takes a ticket over that its owner has just done is told so", async ({ desk, factory }) => {
  const { id, pickupCode } = await factory.place();
  await takeAndGoSilent(factory, staff.mix, id);
  const max = await desk.open("/stations/mix", staff.manager);
  const takeOver = ticket(max, pickupCode).getByRole("button", { name: "Take over from mia" });
  await expect(takeOver).toBeVisible();
  // Mia is heard of again while the press is under way.
  await max.route(/\/acks$/, async (route) => {
    await factory.ack(staff.mix, `${id}.mix.1`, { kind: "done" });
    await route.continue();
  });
  const answer = max.waitForResponse(/\/acks$/);
  await takeOver.click();
  expect((await answer).status()).toBe(409);
  await expect(max.getByTitle("Press to close")).toContainText("mia");
  await expect((await justDone(max)).getByRole("article", { name: `Ticket ${pickupCode}` })).toContainText("Done by mia");
});

test("a remake keeps its order's place in the queue", async ({ desk, factory }) => {
  const first = await factory.place();
  const second = await factory.place();
  await factory.untilWaitingFor(second.id, "mix");
  await factory.ack(staff.mix, `${first.id}.mix.1`, { kind: "failed", reason: "dropped", scrapped: 6 });
  const mixer = await desk.open("/stations/mix", staff.mix);
  await expect(ticket(mixer, first.pickupCode)).toContainText("Remake 1");
  await expect(ticket(mixer, second.pickupCode)).toBeVisible();
  const codes = await waitingCodes(mixer);
  expect(codes.indexOf(first.pickupCode)).toBeGreaterThanOrEqual(0);
  expect(codes.indexOf(first.pickupCode)).toBeLessThan(codes.indexOf(second.pickupCode));
  await factory.work(first.id, "mix");
  await factory.work(second.id, "mix");
});

test("a manager decides about everything that one person went silent on", async ({ desk, factory }) => {
  test.slow(); // the orders ask only after several deliveries
  const orders = [await factory.place(), await factory.place(), await factory.place()];
  const manager = await desk.open("/attention", staff.manager);
  for (const { id } of orders) await takeAndGoSilent(factory, staff.mix, id);
  const group = manager.getByRole("article", { name: "3 orders: mia took the tickets and has not been heard of since." });
  await expect(group).toBeVisible({ timeout: 120_000 });
  for (const { pickupCode } of orders) await expect(group.getByText(pickupCode, { exact: true })).toBeVisible();
  await expect(manager.getByRole("article")).toHaveCount(1);
  await group.getByLabel("Note").fill("mia has gone home");
  await group.getByRole("button", { name: "Cancel 3 orders …" }).click();
  await expect(manager.getByRole("dialog", { name: "Cancel 3 orders?" })).toContainText(orders[0]?.pickupCode ?? "");
  await manager.getByRole("dialog").getByRole("button", { name: "Cancel 3 orders" }).click();
  await expect(manager.getByText("3 decided.")).toBeVisible();
  await expect(group).toBeHidden();
  // Whoever puts it away is told that something was begun.
  const mixer = await desk.open("/stations/mix", staff.manager);
  for (const { id, pickupCode } of orders) {
    const undo = ticket(mixer, pickupCode).filter({ hasText: "Cancelled: mia had begun, so there may be something to put away or scrap" });
    await undo.getByRole("button", { name: "Cleared away, 6 scrapped" }).click();
    const cancelled = await factory.untilState(id, "cancelled");
    expect(cancelled.cancelReason).toBe("mia has gone home");
  }
});

// The last test: its orders go on waiting.
test("a queue of forty asks nobody; the station raises one alarm", async ({ desk, factory }) => {
  test.slow(); // each ticket is delivered again and again
  const orders = [];
  for (let i = 0; i < 40; i++) orders.push(await factory.place());
  // An order would ask after three deliveries if its queue were an incident.
  for (const { id } of orders) await untilDelivered(factory, id, 5);
  for (const { id } of orders) {
    const order = await factory.order(id);
    expect([order?.state, order?.attention]).toEqual(["in-progress", undefined]);
  }
  const dashboard = await desk.open("/dashboard", staff.manager);
  const alarms = dashboard.getByRole("list", { name: "Stations where nobody takes tickets" }).getByRole("listitem");
  await expect(alarms.filter({ hasText: /^!?\s*Mix: nobody has taken anything for .+, 40 waiting$/ })).toHaveCount(1);
  await expect(alarms.filter({ hasText: "Mix" })).toHaveCount(1);
  const manager = await desk.open("/attention", staff.manager);
  await expect(manager.getByText("Mix: nobody has taken anything for")).toHaveCount(1);
  await expect(manager.getByText("Nothing to decide")).toBeVisible();
  const customer = await desk.open(`/orders/${orders[0]?.id ?? ""}`);
  await expect(customer.getByRole("heading", { level: 1 })).toHaveText("You’re in the queue");
  await expect(customer.getByText(/went wrong|manager|started again/)).toHaveCount(0);
  const mixer = await desk.open("/stations/mix", staff.mix);
  await expect(group(mixer, "Waiting").getByRole("article")).toHaveCount(40);
  await expect(mixer.getByText(/Issued|times/)).toHaveCount(0);
  // Somebody takes one, and the alarm is over.
  await group(mixer, "Waiting").getByRole("button", { name: "Start" }).first().click();
  await expect(group(mixer, "Mine").getByRole("article")).toHaveCount(1);
  await expect(alarms.filter({ hasText: "Mix" })).toHaveCount(0);
});

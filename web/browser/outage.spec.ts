import { staff } from "./factory";
import { expect, group, justDone, test, ticket } from "./test";

test("pages say that the API is gone, come back by themselves and miss nothing", async ({ desk, factory }) => {
  const { id, pickupCode } = await factory.place();
  const customer = await desk.open(`/orders/${id}`);
  const mixer = await desk.open("/stations/mix", staff.mix);
  await expect(ticket(mixer, pickupCode)).toBeVisible();
  await factory.kill("api");
  for (const page of [customer, mixer]) await expect(page.getByText(/No connection since/)).toBeVisible();
  await expect(ticket(mixer, pickupCode), "what was known stays visible").toBeVisible();
  await expect(customer.getByRole("heading", { level: 1 })).toBeVisible();
  await factory.startAPI();
  const { pickupCode: second } = await factory.place();
  for (const page of [customer, mixer]) await expect(page.getByText(/No connection since/)).toBeHidden();
  await expect(ticket(mixer, second)).toBeVisible();
  await ticket(mixer, pickupCode).getByRole("button", { name: "Start" }).click();
  await expect(group(mixer, "Mine").getByRole("article", { name: `Ticket ${pickupCode}` })).toBeVisible();
  await expect(customer.getByText("mia is mixing")).toBeVisible();
});

test("an ack made while the API was away is sent when it is back", async ({ desk, factory }) => {
  const { id, pickupCode } = await factory.place();
  const mixer = await desk.open("/stations/mix", staff.mix);
  const card = ticket(mixer, pickupCode);
  await card.getByRole("button", { name: "Start" }).click();
  await expect(group(mixer, "Mine").getByRole("article", { name: `Ticket ${pickupCode}` })).toBeVisible();
  await factory.kill("api");
  await card.getByRole("button", { name: "Done" }).click();
  await expect(card).toContainText("trying again");
  await factory.startAPI();
  await expect((await justDone(mixer)).getByRole("article", { name: `Ticket ${pickupCode}` })).toContainText("Done by mia");
  await factory.untilWaitingFor(id, "bake");
});

test("with Kafka away boards say that they are behind, orders are taken, and all goes on", async ({ desk, factory }) => {
  const mixer = await desk.open("/stations/mix", staff.mix);
  await expect(mixer.getByText("Live")).toBeVisible();
  await factory.kill("kafka");
  await expect(mixer.getByText(/Behind since/)).toBeVisible();
  const { id, pickupCode } = await factory.place();
  const customer = await desk.open(`/orders/${id}`);
  await expect(customer.getByText(pickupCode).first()).toBeVisible();
  await factory.startKafka();
  await expect(mixer.getByText(/Behind since/)).toBeHidden();
  await expect(ticket(mixer, pickupCode)).toBeVisible();
});

test("without a worker the customer's page shows what the log tells", async ({ desk, factory }) => {
  const { id, pickupCode } = await factory.place();
  await factory.work(id, "mix");
  await factory.untilWaitingFor(id, "bake");
  // The ticket must be out: a worker that is killed before publishes it only after a timeout.
  await factory.ack(staff.bake, `${id}.bake.1`, { kind: "started" });
  await factory.kill("worker");
  const customer = await desk.open(`/orders/${id}`);
  await expect(customer.getByText(pickupCode).first()).toBeVisible();
  await expect(customer.getByRole("heading", { name: /oven|bak/i }).first()).toBeVisible();
  await expect(customer.getByText("This is what was recorded last")).toBeHidden();
  await factory.startWorker();
  await factory.ack(staff.bake, `${id}.bake.1`, { kind: "done" });
  await factory.untilWaitingFor(id, "decorate");
  await expect(customer.getByText("This is what was recorded last")).toBeHidden();
});

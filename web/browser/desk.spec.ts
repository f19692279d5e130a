import { noon, staff, until, type Factory } from "./factory";
import { expect, test, ticket } from "./test";

const kitchen = `remakes: {max: 0}\nopening: {timezone: ${noon}}\nmenu:\n  currency: EUR\n  flavours:\n    - {code: lemon, name: Lemon, allergens: []}\n  sizes:\n    - {code: M, label: Medium, price: 2.40}\n`;

test.use({ kitchen: [kitchen, { scope: "worker" }] });

/** An order that asks a manager: its mixing was reported as dropped. */
async function dropped(factory: Factory, by: (typeof staff)["mix" | "manager"]) {
  const order = await factory.place();
  await factory.ack(by, `${order.id}.mix.1`, { kind: "failed", reason: "dropped", scrapped: 6 });
  return factory.untilState(order.id, "needs-attention");
}

test("one cause is one question, whoever reported it, and each choice says what it costs", async ({ desk, factory }) => {
  const made = await factory.place(); // so that each stage has figures
  await factory.work(made.id, "mix", "bake", "decorate", "package");
  await factory.untilState(made.id, "shipped"); // or the next test would count it
  const orders = [await dropped(factory, staff.mix), await dropped(factory, staff.manager)];
  const page = await desk.open("/attention", staff.manager);
  const group = page.getByRole("article", { name: /^2 orders: The work failed too often: / });
  await expect(group).toBeVisible();
  await expect(group, "people read labels").not.toContainText("dropped");
  const costs = (choice: string) => group.getByRole("listitem").filter({ has: page.getByRole("button", { name: choice }) });
  await expect(costs("Retry 2 orders …")).toContainText("Nothing more is thrown away.");
  await expect(costs("Retry 2 orders …")).toContainText(/Each customer waits about \d+ (s|min) more\./);
  await expect(costs("Remake 2 orders …")).toContainText("Whatever is left of 12 pieces is thrown away.");
  await expect(costs("Cancel 2 orders …")).toContainText("€28.80 will not be paid.");
  await group.getByRole("button", { name: "Cancel 2 orders …" }).click();
  const dialog = page.getByRole("dialog", { name: "Cancel 2 orders?" });
  await expect(dialog).toContainText("€28.80 will not be paid.");
  for (const { pickupCode } of orders) await expect(dialog).toContainText(pickupCode);
  await dialog.getByRole("button", { name: "Cancel 2 orders" }).click();
  await expect(page.getByText("2 decided.")).toBeVisible();
  await expect(page.getByText("Nothing to decide")).toBeVisible();
  for (const { id } of orders) await until("the order is cancelled", async () => (await factory.order(id))?.state.startsWith("cancel"));
});

test("each number of the dashboard leads to what it counts, and the day has its figures", async ({ desk, factory }) => {
  const page = await desk.open("/dashboard", staff.manager);
  const tile = (name: string) => page.getByRole("region", { name: "Open orders" }).getByRole("link", { name });
  await expect(tile("In progress")).toHaveAttribute("href", "/find?state=in-progress");
  await expect(tile("Need attention")).toHaveAttribute("href", "/attention");
  await expect(tile("Not collected")).toHaveAttribute("href", "/counter");
  await expect(page.getByRole("link", { name: "Bake" }).last()).toHaveAttribute("href", "/stations/bake");
  const number = async (name: string) => Number(/\d+/.exec((await tile(name).textContent()) ?? "")?.[0]);
  await expect(tile("Ready today")).toHaveText(/\d/);
  const before = await number("Ready today");
  const { id, pickupCode } = await factory.place({ customer: { name: "Ada Lovelace" } });
  await factory.work(id, "mix", "bake", "decorate", "package");
  await expect(tile("Ready today")).toHaveText(`Ready today ${before + 1}`);
  await expect(tile("Made today")).toHaveText(/€\d+\.\d\d$/);
  const left = page.getByRole("region", { name: /^Not collected/ });
  await expect(left.getByRole("listitem").filter({ hasText: pickupCode })).toContainText("Ada L.");
  await expect(page.getByRole("region", { name: "Orders, every five minutes" })).toContainText(/\d+ came in\s*\d+ became ready/);
  await page.request.put(`/api/v1/orders/${id}/collected`);
  await expect(left.getByText(pickupCode)).toBeHidden();
  await tile("Need attention").click();
  await expect(page).toHaveURL(/\/attention$/);
});

test("what a dashboard shows to a baker leads where a baker may go", async ({ desk }) => {
  const page = await desk.open("/dashboard", staff.bake);
  const flow = page.getByRole("region", { name: "Through the kitchen" });
  await expect(flow.getByRole("link")).toHaveText(["Bake"]);
  await expect(page.getByRole("link", { name: "Need attention" })).toHaveAttribute("href", "/find?state=needs-attention");
});

test("somebody who says why an order is in a rush is not interrupted by who starts its ticket", async ({ desk, factory }) => {
  const { id, pickupCode } = await factory.place();
  await factory.untilWaitingFor(id, "mix");
  const page = await desk.open("/stations/mix", staff.manager);
  await page.getByRole("button", { name: `Rush ${pickupCode}` }).click();
  const dialog = page.getByRole("dialog", { name: `Rush ${pickupCode}` });
  await dialog.getByLabel("Why").fill("the bride is at the door");
  await factory.ack(staff.mix, `${id}.mix.1`, { kind: "started" });
  await expect(page.getByRole("region", { name: "With others" }).getByRole("article", { name: `Ticket ${pickupCode}` })).toHaveCount(1);
  await dialog.getByRole("button", { name: "Let it go first" }).click();
  await expect(dialog).toBeHidden();
  await expect(ticket(page, pickupCode)).toContainText("the bride is at the door");
  await expect(page.getByRole("button", { name: `No rush for ${pickupCode}` }), "the keyboard goes on there").toBeFocused();
  await factory.ack(staff.mix, `${id}.mix.1`, { kind: "done" });
});

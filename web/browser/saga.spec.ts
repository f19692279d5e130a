import { staff, until } from "./factory";
import { atOnce, group, expect, test, ticket } from "./test";

test("burnt cupcakes are made again, and everybody sees why", async ({ desk, factory }) => {
  const { id, pickupCode } = await factory.place({ lines: [{ flavour: "chocolate", size: "S", quantity: 24 }] });
  const customer = await desk.open(`/orders/${id}`);
  await factory.work(id, "mix");
  const oven = await desk.open("/stations/bake", staff.bake);
  const card = ticket(oven, pickupCode);
  await card.getByRole("button", { name: "Start" }).click();
  await card.getByRole("button", { name: "Failed …" }).click();
  await oven.getByRole("radio", { name: "Burnt" }).check();
  await expect(oven.getByRole("textbox", { name: "Pieces scrapped" })).toHaveValue("24");
  await oven.getByRole("button", { name: "Report failure" }).click();
  await expect(customer.getByText("We’re baking you a fresh batch.")).toBeVisible();
  await customer.getByText("What went wrong (1)").click();
  await expect(customer.getByText(/Bake: Burnt, 24 pieces scrapped/)).toBeVisible();
  await factory.work(id, "mix");
  await expect(card.getByText("Remake 1")).toBeVisible();
  await factory.work(id, "bake", "decorate", "package");
  await expect(customer.getByRole("heading", { level: 1 })).toContainText("Ready");
  const dashboard = await desk.open("/dashboard", staff.manager);
  await expect(dashboard.getByText("Burnt at Bake"), "people read labels, not codes").toBeVisible();
});

test("a customer cancels, and what was made is put away, newest first", async ({ desk, factory }) => {
  const { id, pickupCode } = await factory.place();
  await factory.work(id, "mix", "bake");
  await factory.untilWaitingFor(id, "decorate");
  const decorator = await desk.open("/stations/decorate", staff.decorate);
  await ticket(decorator, pickupCode).getByRole("button", { name: "Start" }).click();
  await expect(group(decorator, "Mine").getByRole("article", { name: `Ticket ${pickupCode}` })).toBeVisible();

  const customer = await desk.open(`/orders/${id}`);
  await customer.getByRole("button", { name: "Cancel the order" }).click();
  const dialog = customer.getByRole("dialog");
  await dialog.getByLabel("Why?").fill("changed my mind");
  await dialog.getByRole("button", { name: "Cancel the order" }).click();
  await expect(dialog).toBeHidden();
  await expect(customer.getByRole("heading", { level: 1 })).toHaveText("Being cancelled");
  await expect(customer.getByRole("listitem").filter({ hasText: /^Package/ })).toContainText("not needed any more");
  await expect(customer.getByText("to come", { exact: true })).toBeHidden();

  // Whoever has the ticket in hand is told at once.
  await expect(ticket(decorator, pickupCode).getByText("Stop: this work was cancelled.")).toBeVisible();
  await ticket(decorator, pickupCode).getByRole("button", { name: "Cleared away" }).first().click();
  const baker = await desk.open("/stations/bake", staff.bake);
  await expect(ticket(baker, pickupCode).getByText("Cancelled: put away or scrap what was made")).toBeVisible();
  await ticket(baker, pickupCode).getByRole("button", { name: "Fewer scrapped …" }).click();
  await baker.getByRole("textbox", { name: "Pieces scrapped" }).fill("2");
  await baker.getByRole("dialog").getByRole("button", { name: "Cleared away" }).click();
  const mixer = await desk.open("/stations/mix", staff.mix);
  await ticket(mixer, pickupCode).getByRole("button", { name: /^Cleared away/ }).click();
  await expect(customer.getByRole("heading", { level: 1 })).toHaveText("Cancelled");
  await expect(customer.getByText("changed my mind")).toBeVisible();
  const { stages } = await factory.untilState(id, "cancelled");
  expect(stages.map((row) => row.state)).toEqual(["undone", "undone", "undone"]);
  expect(stages.find((row) => row.stage === "bake")?.undo?.scrapped).toBe(2);
});

test("a customer changes the message until it is decorated", async ({ desk, factory }) => {
  const { id, pickupCode } = await factory.place({ lines: [{ flavour: "lemon", size: "L", quantity: 6, message: "Happy 40th" }] });
  const customer = await desk.open(`/orders/${id}`);
  await customer.getByRole("button", { name: "Change message or notes" }).click();
  const dialog = customer.getByRole("dialog");
  await dialog.getByLabel(/Message on/).fill("x".repeat(41));
  await dialog.getByRole("button", { name: "Save changes" }).click();
  await expect(dialog.getByLabel(/Message on/)).toHaveAccessibleDescription(/40/);
  await dialog.getByLabel(/Message on/).fill("Happy 41st");
  await dialog.getByRole("button", { name: "Save changes" }).click();
  await expect(dialog).toBeHidden();
  await expect(customer.getByText("Happy 41st").last()).toBeVisible();
  await factory.work(id, "mix", "bake");
  const decorator = await desk.open("/stations/decorate", staff.decorate);
  await expect(ticket(decorator, pickupCode).getByText("Happy 41st")).toBeVisible();
  await expect(customer.getByRole("button", { name: "Change message or notes" })).toBeHidden();
});

for (const [choice, button, end] of [
  ["retry", "Retry", "mix"],
  ["remake", "Remake", "mix"],
  ["cancel", "Cancel the order", "cancelled"],
] as const) {
  test(`a manager decides: ${choice}`, async ({ desk, factory }) => {
    const { id, pickupCode } = await factory.place();
    const customer = await desk.open(`/orders/${id}`);
    const manager = await desk.open("/attention", staff.manager);
    // The kitchen file of these tests allows one remake.
    for (const pass of [1, 2]) {
      await factory.untilWaitingFor(id, "mix");
      await until(`pass ${pass}`, async () => (await factory.order(id))?.stages.some((row) => row.pass === pass));
      await factory.ack(staff.mix, `${id}.mix.${pass}`, { kind: "failed", reason: "dropped", scrapped: 6 });
    }
    const question = manager.getByRole("article", { name: `Order ${pickupCode}` });
    await expect(question).toContainText("12 pieces scrapped so far");
    await expect(customer.getByRole("heading", { level: 1 })).toHaveText("Somebody is looking into your order");
    await question.getByText("What happened").click();
    await expect(question.getByText(/mix, pass 2: failed, Dropped/)).toBeVisible();
    await question.getByLabel("Note").fill("once more, with care");
    await question.getByRole("button", { name: button }).click();
    await expect(question).toBeHidden();
    if (end === "cancelled") {
      await factory.ack(staff.mix, `${id}.mix.2.undo`, { kind: "undone" });
      await factory.untilState(id, "cancelled");
      await expect(customer.getByRole("heading", { level: 1 })).toHaveText("Cancelled");
    } else {
      await factory.untilState(id, "in-progress");
      await factory.work(id, "mix", "bake", "decorate", "package");
      await expect(customer.getByRole("heading", { level: 1 })).toContainText("Ready");
    }
  });
}

test("the first of two managers decides, and the other is told", async ({ desk, factory }) => {
  const { id, pickupCode } = await factory.place();
  for (const pass of [1, 2]) {
    await until(`pass ${pass}`, async () => (await factory.order(id))?.stages.some((row) => row.pass === pass));
    await factory.ack(staff.mix, `${id}.mix.${pass}`, { kind: "failed", reason: "dropped" });
  }
  await factory.untilState(id, "needs-attention");
  const [first, second] = [await desk.open("/attention", staff.manager), await desk.open("/attention", staff.manager)];
  const questionOf = (page: typeof first) => page.getByRole("article", { name: `Order ${pickupCode}` });
  await expect(questionOf(first)).toBeVisible();
  await expect(questionOf(second)).toBeVisible();
  // Both decide before either is answered.
  const codes = await atOnce([first, second], /\/resolve$/, (page) => questionOf(page).getByRole("button", { name: "Retry" }).click());
  expect(codes.toSorted()).toEqual([200, 409]);
  await expect((codes[0] === 409 ? first : second).getByRole("alert")).toContainText(`${pickupCode}, retry: `);
  await factory.work(id, "mix", "bake", "decorate", "package");
});

import { staff } from "./factory";
import { choose, doing, expect, group, justDone, openUnhurried, orderIdOf, test, ticket } from "./test";

// A factory of its own: it reads what there is to make of all orders.
test.use({ kitchen: ["# way\nremakes: {max: 1}\n", { scope: "worker" }] });

test("an order goes from one browser through four boards, and the customer's page follows", async ({ desk, factory }) => {
  const customer = await desk.open("/");
  await choose(customer, "Gluten-free almond");
  await customer.getByRole("radio", { name: /Large/ }).check();
  await customer.getByRole("textbox", { name: "How many" }).fill("12");
  await customer.getByLabel("Message on each").fill("Happy 40th 🎉");
  await customer.getByRole("button", { name: "Add to basket" }).click();
  await customer.getByLabel("Name", { exact: true }).fill("Ada Lovelace");
  await customer.getByRole("checkbox", { name: "nuts", exact: true }).check();
  await customer.getByRole("checkbox", { name: /I know that Gluten-free almond contains nuts/ }).check();
  await customer.getByLabel("Notes for the kitchen").fill("ring the bell");
  await customer.getByRole("button", { name: "Order 12 cupcakes" }).click();
  await expect(customer).toHaveURL(/\/orders\/[0-9a-f-]{36}$/);
  const id = orderIdOf(customer);
  const { pickupCode } = await factory.untilWaitingFor(id, "mix");
  await expect(customer.getByText(pickupCode)).toBeVisible();

  for (const stage of ["mix", "bake", "decorate", "package"] as const) {
    const board = await desk.open(`/stations/${stage}`, staff[stage]);
    const card = ticket(board, pickupCode);
    const step = customer.getByRole("listitem").filter({ hasText: new RegExp(`^${stage}`, "i") });
    await expect(group(board, "Waiting").getByRole("article", { name: `Ticket ${pickupCode}` })).toBeVisible();
    await expect(card.getByText("Allergy: nuts")).toBeVisible();
    await expect(card.getByText("ring the bell"), "who mixes does not read past what is for the door").toBeVisible({ visible: stage === "decorate" || stage === "package" });
    await expect(card.getByText("Happy 40th 🎉")).toBeVisible({ visible: stage === "decorate" || stage === "package" });
    await expect(board.getByLabel("Pieces to make, by flavour and size")).toContainText(/Gluten-free almond12 L/);
    await expect(card.getByText("For Ada Lovelace")).toBeVisible({ visible: stage === "package" });
    if (stage === "package") await expect(card.getByText("1 × L")).toBeVisible();
    await card.getByRole("button", { name: "Start" }).click();
    await expect(group(board, "Mine").getByRole("article", { name: `Ticket ${pickupCode}` })).toBeVisible();
    await expect(step).toContainText(`${staff[stage].name} is ${doing[stage]}`);
    await card.getByRole("button", { name: "Done" }).click();
    await expect((await justDone(board)).getByRole("article", { name: `Ticket ${pickupCode}` })).toContainText(`Done by ${staff[stage].name}`);
    await expect(step).toContainText(`by ${staff[stage].name}`);
    await board.close();
  }
  await expect(customer.getByRole("heading", { level: 1 })).toHaveText("Ready: your cupcakes are waiting for you");
  await expect(customer.getByRole("button", { name: "Cancel the order" })).toBeHidden();

  const counter = await desk.open("/counter", staff.package);
  await expect(counter.getByRole("region", { name: "Ready to collect" })).toContainText(`${pickupCode}Ada`);
});

test("a slip of the finger can be undone within five seconds", async ({ desk, factory }) => {
  const { id, pickupCode } = await factory.place();
  const { page: board, hurry } = await openUnhurried(desk, "/stations/mix", staff.mix);
  const card = ticket(board, pickupCode);
  await card.getByRole("button", { name: "Start" }).click();
  await card.getByRole("button", { name: "Done" }).click();
  await card.getByRole("button", { name: "Take back" }).click();
  await hurry();
  await expect(group(board, "Mine").getByRole("article", { name: `Ticket ${pickupCode}` })).toBeVisible();
  // Nothing was sent: the order still waits for the mixer, who reports something else.
  await card.getByRole("button", { name: "Failed …" }).click();
  await board.getByRole("radio", { name: "Equipment failed" }).check();
  await board.getByLabel("Note", { exact: true }).fill("the hook is bent");
  await board.getByRole("button", { name: "Report failure" }).click();
  await expect(card).toContainText("Failed before: Equipment failed, the hook is bent");
  const order = await factory.untilWaitingFor(id, "mix");
  expect(order.stages.every((row) => row.doneAt === undefined)).toBe(true);
});

test("a pending ack is sent when the page is left", async ({ desk, factory }) => {
  const { id, pickupCode } = await factory.place();
  const { page: board } = await openUnhurried(desk, "/stations/mix", staff.mix);
  const card = ticket(board, pickupCode);
  await card.getByRole("button", { name: "Start" }).click();
  await card.getByRole("button", { name: "Done" }).click();
  await expect(card.getByRole("button", { name: "Take back" })).toBeVisible();
  await board.goto("about:blank");
  await factory.untilWaitingFor(id, "bake");
});

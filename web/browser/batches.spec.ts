import { staff, type Factory } from "./factory";
import { expect, group, openUnhurried, test, ticket } from "./test";

// A factory of its own: it counts the tickets of a flavour.
test.use({ kitchen: ["# batches\nremakes: {max: 1}\n", { scope: "worker" }] });

/** Places orders of one flavour, and waits until the mixer has their tickets. */
async function placeAll(factory: Factory, count: number, flavour: string) {
  const orders = [];
  for (let i = 0; i < count; i++) orders.push(await factory.place({ lines: [{ flavour, size: "M", quantity: 6 }, { flavour, size: "S", quantity: 2 }] }));
  for (const { id } of orders) await factory.untilWaitingFor(id, "mix");
  return orders;
}

test("tickets of one flavour are begun and finished together, by keyboard, and one that somebody else has stops no other", async ({ desk, factory }) => {
  const orders = await placeAll(factory, 4, "lemon");
  const mixed = await factory.place({ lines: [{ flavour: "lemon", size: "M", quantity: 1 }, { flavour: "carrot", size: "M", quantity: 1 }] });
  await factory.untilWaitingFor(mixed.id, "mix");
  const taken = orders[1];
  if (!taken) throw new Error("There is no second order.");
  const { page: mixer, hurry } = await openUnhurried(desk, "/stations/mix", staff.mix);
  await expect(ticket(mixer, mixed.pickupCode)).toBeVisible();

  // Max takes one of them while the press is under way.
  let taking: Promise<void> | undefined;
  const said: string[] = [];
  await mixer.route(/\/acks$/, async (route) => {
    const ack = route.request().postData() ?? "";
    if (ack.includes("done")) said.push(route.request().url().split("/").at(-2) ?? "");
    await (taking ??= factory.ack(staff.manager, `${taken.id}.mix.1`, { kind: "started" }));
    await route.continue();
  });
  const start = mixer.getByRole("button", { name: "Start 4 tickets of Lemon together" });
  await start.focus();
  await start.press("Enter");
  const toast = mixer.getByTitle("Press to close");
  await expect(toast).toContainText("3 tickets of Lemon are yours.");
  await expect(toast).toContainText(taken.pickupCode);
  await expect(toast).toContainText("max");
  await expect(group(mixer, "Mine").getByRole("article")).toHaveCount(3);
  await expect(ticket(mixer, taken.pickupCode)).toContainText("In hand: max");
  await expect(group(mixer, "Waiting").getByRole("article", { name: `Ticket ${mixed.pickupCode}` }), "it has two flavours").toBeVisible();

  const finish = mixer.getByRole("button", { name: "Done with 3 tickets of Lemon" });
  await expect(finish, "the keyboard is where the button was").toBeFocused();
  await finish.press("Enter");
  const reported = mixer.getByRole("article", { name: "Done with 3 tickets of Lemon" });
  await expect(reported.getByRole("button", { name: "Take back all 3" })).toBeFocused();
  await mixer.keyboard.press("u");
  await expect(group(mixer, "Mine").getByRole("article"), "all of them are back").toHaveCount(3);
  await expect(reported).toBeHidden();
  expect(said).toEqual([]);
  await hurry();
  await finish.press("Enter");
  const mine = orders.filter((order) => order !== taken);
  await expect.poll(() => said.toSorted()).toEqual(mine.map(({ id }) => `${id}.mix.1`).toSorted());
  await expect(reported, "it goes once it is in the log").toBeHidden();
  for (const { id } of mine) {
    const order = await factory.untilWaitingFor(id, "bake");
    expect(order.stages.find((row) => row.stage === "mix")).toMatchObject({ by: staff.mix.name, attempt: 1 });
  }
  await factory.ack(staff.manager, `${taken.id}.mix.1`, { kind: "done" });
  await factory.work(mixed.id, "mix");
});

test("what was begun together by a slip of the finger is put back together, and boxes are packed one by one", async ({ desk, factory }) => {
  const orders = await placeAll(factory, 2, "carrot");
  const mixer = await desk.open("/stations/mix", staff.mix);
  await mixer.getByRole("button", { name: "Start 2 tickets of Carrot together" }).click();
  await expect(group(mixer, "Mine").getByRole("article")).toHaveCount(2);
  await mixer.getByRole("button", { name: "Put back all 2" }).click();
  await expect(group(mixer, "Mine")).toBeHidden();
  await expect(mixer.getByRole("button", { name: "Start 2 tickets of Carrot together" })).toBeVisible();

  for (const { id } of orders) await factory.work(id, "mix", "bake", "decorate");
  for (const { id } of orders) await factory.untilWaitingFor(id, "package");
  const packager = await desk.open("/stations/package", staff.package);
  for (const { pickupCode } of orders) await expect(ticket(packager, pickupCode).getByRole("button", { name: "Start" })).toBeVisible();
  await expect(packager.getByRole("button", { name: /together/ })).toHaveCount(0);
});

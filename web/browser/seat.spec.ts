import { staff } from "./factory";
import { expect, group, test, ticket } from "./test";

// Robots at all stations, nothing goes wrong, and hardly anybody else orders.
test.use({ apiArgs: ["--demo", "--demo-every", "1h", "--demo-work-time", "200ms", "--demo-fail-rate", "0"] });

test("whoever takes the baker's seat has the baker's work, and hands it back to the robot", async ({ desk, factory }) => {
  const bob = await desk.open("/stations/bake", staff.bake);
  await expect(bob.getByText("A robot works here.")).toBeVisible();
  await bob.getByRole("button", { name: "Take the baker’s seat" }).click();
  await expect(bob.getByText("You have the robot’s seat.")).toBeVisible();
  const max = await desk.open("/stations/bake", staff.manager);
  await expect(max.getByText("bob has the robot’s seat.")).toBeVisible();

  const mine = await factory.place();
  const left = await factory.place();
  for (const { pickupCode } of [mine, left]) await expect(group(bob, "Waiting").getByRole("article", { name: `Ticket ${pickupCode}` })).toBeVisible();
  await ticket(bob, mine.pickupCode).getByRole("button", { name: "Start" }).click();
  await group(bob, "Mine").getByRole("article", { name: `Ticket ${mine.pickupCode}` }).getByRole("button", { name: "Done" }).click();
  const shipped = await factory.untilState(mine.id, "shipped");
  expect(shipped.stages.map(({ by }) => by)).toEqual(["robot-mixer", "bob", "robot-decorator", "robot-packager"]);
  expect(await factory.order(left.id), "the robot leaves it to bob").toMatchObject({ state: "in-progress", waitingFor: "bake" });

  // Even what he has begun.
  await ticket(bob, left.pickupCode).getByRole("button", { name: "Start" }).click();
  await expect(group(bob, "Mine").getByRole("article", { name: `Ticket ${left.pickupCode}` })).toBeVisible();
  await bob.getByRole("button", { name: "Hand back to the robot" }).click();
  await expect(bob.getByText("A robot works here.")).toBeVisible();
  const baked = await factory.untilState(left.id, "shipped");
  expect(baked.stages.map(({ by }) => by)).toContain("robot-baker");
});

test("on a phone a robot's sign leaves room for tickets", async ({ desk }) => {
  const phone = await desk.open("/stations/mix", staff.mix, { viewport: { width: 390, height: 844 } });
  const sign = await phone.getByRole("button", { name: "Take the mixer’s seat" }).locator("..").boundingBox();
  expect(sign?.height ?? Infinity).toBeLessThan(120);
});

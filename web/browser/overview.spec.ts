import { staff } from "./factory";
import { expect, test } from "./test";

// A factory of its own: it looks for one order among all.
test.use({ kitchen: ["# overview\nremakes: {max: 1}\n", { scope: "worker" }] });

test("an order moves through the overview from bowl to box, for everybody who looks at a demonstration", async ({ desk, factory }) => {
  const page = await desk.open("/kitchen", undefined, { reducedMotion: "no-preference" });
  await expect(page.getByRole("heading", { name: "The kitchen" })).toBeVisible();
  const { id, pickupCode } = await factory.place({ lines: [{ flavour: "lemon", size: "M", quantity: 6 }, { flavour: "carrot", size: "S", quantity: 2 }], notes: "ring the bell" });
  const lane = (name: string) => page.getByRole("region", { name, exact: true });
  const news = page.getByRole("list", { name: "What happened" });
  await expect(news.getByText(`${pickupCode} 8 Lemon ordered`)).toBeVisible();
  for (const [stage, name] of [["mix", "Mix"], ["bake", "Bake"], ["decorate", "Decorate"], ["package", "Package"]] as const) {
    await factory.untilWaitingFor(id, stage);
    await expect(lane(name).getByRole("list", { name: "Waiting" }).getByText(pickupCode)).toBeVisible();
    await factory.ack(staff[stage], `${id}.${stage}.1`, { kind: "started" });
    const inHand = lane(name).getByRole("list", { name: "In hand" }).getByRole("listitem").filter({ hasText: pickupCode });
    await expect(inHand).toContainText(staff[stage].name);
    await expect(page.getByText(pickupCode).and(page.locator(".lanes *")), "it is in one place").toHaveCount(1);
    await factory.ack(staff[stage], `${id}.${stage}.1`, { kind: "done" });
  }
  await expect(lane("Ready").getByText(pickupCode)).toBeVisible();
  await expect(news.getByText(`${pickupCode} ready`)).toBeVisible();
  await expect(page.getByText("ring the bell"), "what belongs to a customer is not for strangers").toBeHidden();
});

test("what goes wrong is told, and where the order goes then", async ({ desk, factory }) => {
  const page = await desk.open("/kitchen", staff.manager);
  await expect(page.getByRole("heading", { name: "The kitchen" })).toBeVisible();
  const { id, pickupCode } = await factory.place();
  const news = page.getByRole("list", { name: "What happened" });
  await expect(news.getByText(`${pickupCode} 6 Lemon ordered`)).toBeVisible();
  await factory.work(id, "mix");
  await factory.ack(staff.bake, `${id}.bake.1`, { kind: "started" });
  await factory.ack(staff.bake, `${id}.bake.1`, { kind: "failed", reason: "burnt", scrapped: 6 });
  await expect(news.getByText(`${pickupCode} Burnt at Bake`)).toBeVisible();
  await expect(news.getByText(`${pickupCode} starts again: a fresh batch`)).toBeVisible();
  await expect(page.getByRole("region", { name: "Mix" }).getByText(pickupCode)).toBeVisible();
});

import { staff } from "./factory";
import { expect, test, ticket } from "./test";

test("a connection that stops delivering and does not close is noticed, and replaced", async ({ desk, factory }) => {
  const mixer = await desk.open("/sign-in", staff.mix);
  let isDeaf = false;
  let connections = 0;
  let notice: () => void = () => undefined;
  const isNoticed = new Promise<void>((noticed) => (notice = noticed));
  await mixer.routeWebSocket(/\/api\/v1\/live$/, async (page) => {
    const isFirst = ++connections === 1;
    // The page may need a moment only, which nobody would see.
    if (!isFirst) await isNoticed;
    const server = page.connectToServer();
    server.onMessage((message) => {
      if (!isFirst || !isDeaf) page.send(message);
    });
  });
  await mixer.goto("/stations/mix");
  await expect(mixer.getByText("Live")).toBeVisible();
  isDeaf = true;
  const { pickupCode } = await factory.place();
  await expect(mixer.getByText(/No connection since/)).toBeVisible();
  notice();
  await expect(mixer.getByText("Live")).toBeVisible();
  await expect(ticket(mixer, pickupCode)).toBeVisible();
  expect(connections, "another one, or more if the page had to wait for long").toBeGreaterThanOrEqual(2);
});

test("ages go on as they did when somebody sets the tablet's clock", async ({ desk, factory }) => {
  const { pickupCode } = await factory.place();
  const mixer = await desk.open("/sign-in", staff.mix);
  await mixer.addInitScript(() => {
    const now = Date.now.bind(Date);
    const set = globalThis as unknown as { ahead: number };
    set.ahead = 0;
    Date.now = () => now() + set.ahead;
  });
  await mixer.goto("/stations/mix");
  await ticket(mixer, pickupCode).getByRole("button", { name: "Start" }).click();
  const age = ticket(mixer, pickupCode).getByRole("timer");
  await expect(age).toHaveText(/^\d+:\d\d$/);
  for (const hours of [3, -3]) {
    const before = await age.textContent();
    await mixer.evaluate((ahead) => { (globalThis as unknown as { ahead: number }).ahead = ahead; }, hours * 3_600_000);
    await expect(age).not.toHaveText(before ?? "");
    const [from, to] = [before, await age.textContent()].map((text) => (text ?? "").split(":").reduce((sum, part) => sum * 60 + Number(part), 0));
    expect((to ?? 0) - (from ?? 0), "seconds have passed, not hours").toBeLessThan(120);
    expect(to, "nothing became younger").toBeGreaterThan(from ?? 0);
  }
});

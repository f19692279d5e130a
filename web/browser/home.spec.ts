import { addToBasket, expect, orderIdOf, test } from "./test";
import { staff, until } from "./factory";

test("the home page knows this browser's orders, until it is told to forget them", async ({ desk, factory }) => {
  const page = await desk.open("/", undefined, { viewport: { width: 360, height: 740 } });
  await expect(page.getByRole("button", { name: /^Red velvet/ })).toBeVisible();
  await expect(page.getByRole("region", { name: "Your orders" })).toBeHidden();
  await addToBasket(page, "Lemon");
  await page.getByLabel("Name", { exact: true }).fill("Grace");
  await page.getByRole("button", { name: /^Order 6 cupcakes/ }).click();
  await expect(page.getByText("Order progress")).toBeVisible();
  const id = orderIdOf(page);
  const { pickupCode } = await factory.untilWaitingFor(id, "mix");
  await page.getByRole("link", { name: "Order", exact: true }).click();
  const known = page.getByRole("region", { name: "Your orders" }).getByRole("listitem");
  await expect(known).toHaveCount(1);
  await expect(known).toContainText(`${pickupCode} You’re in the queue`);
  await factory.ack(staff.mix, `${id}.mix.1`, { kind: "started" });
  await expect(known, "it changes by itself").toContainText("Your cupcakes are being mixed");
  const stored = await page.evaluate(() => JSON.stringify(localStorage));
  expect(stored, "the device keeps the id, and nothing about the customer").not.toContain("Grace");
  await page.reload();
  await known.getByRole("link").click();
  await expect(page).toHaveURL(`/orders/${id}`);
  await page.goBack();
  await page.getByRole("button", { name: "Forget them" }).click();
  await page.getByRole("dialog").getByRole("button", { name: "Forget them" }).click();
  await expect(page.getByRole("region", { name: "Your orders" })).toBeHidden();
  expect(await page.evaluate(() => localStorage.getItem("cupcakery.orders.1"))).toBeNull();
});

test("an order can be ordered again, without what is sold out by then", async ({ desk, factory }) => {
  const { id, pickupCode } = await factory.place({ customer: { name: "Grace" }, lines: [{ flavour: "vanilla", size: "L", quantity: 4, message: "Hi" }, { flavour: "coffee-walnut", size: "M", quantity: 6 }] });
  const manager = await desk.open("/dashboard", staff.manager);
  const soldOut = await manager.request.put("/api/v1/kitchen/sold-out/coffee-walnut", { data: {} });
  expect(soldOut.ok(), await soldOut.text()).toBe(true);
  const page = await desk.open(`/orders/${id}`);
  const menu = page.waitForResponse("**/api/v1/menu");
  await page.reload();
  await menu;
  await page.getByRole("button", { name: "Order again" }).click();
  await expect(page.getByText(`This was left out of order ${pickupCode}: Coffee and walnut (sold out).`)).toBeInViewport();
  await expect(page.getByRole("textbox", { name: "Pieces of Vanilla, large" })).toHaveValue("4");
  await expect(page.getByRole("region", { name: "Basket" })).toContainText("Hi");
  await page.getByRole("button", { name: /^Order 4 cupcakes/ }).click();
  await expect(page.getByText("What you ordered")).toBeVisible();
  const again = await until("the order is known", () => factory.order(orderIdOf(page)));
  expect([again.customer.name, again.lines]).toEqual(["Grace", [{ flavour: "vanilla", size: "L", quantity: 4, message: "Hi" }]]);
  await manager.request.delete("/api/v1/kitchen/sold-out/coffee-walnut");
});

test("an order's page can be taken along by its QR code and its link", async ({ desk, factory }) => {
  const { id } = await factory.place();
  const page = await desk.open(`/orders/${id}`);
  await page.context().grantPermissions(["clipboard-read", "clipboard-write"]);
  await page.getByRole("button", { name: "Share or open elsewhere" }).click();
  const code = page.getByRole("img", { name: /^QR code/ });
  await expect(code).toBeVisible();
  await expect.poll(() => code.evaluate((image: HTMLImageElement) => image.complete && image.naturalWidth > 0), { message: "the policy lets the picture in" }).toBe(true);
  await page.getByRole("button", { name: "Copy the link" }).click();
  await expect(page.getByText("The link is copied.")).toBeVisible();
  expect(await page.evaluate(() => navigator.clipboard.readText())).toBe(`${factory.url}/orders/${id}`);
});

test("who wants to know when it is ready is told once, and nobody is asked before", async ({ desk, factory }) => {
  const { id, pickupCode } = await factory.place();
  await factory.work(id, "mix", "bake", "decorate");
  const page = await desk.open("/", undefined, { viewport: { width: 360, height: 740 } });
  await page.addInitScript(() => {
    const told: string[] = [];
    const permission = { asked: 0, now: "default" };
    Object.assign(globalThis, {
      told, permission,
      Notification: Object.assign(function Notification(title: string, { body }: { body: string }) { told.push(`${title}: ${body}`); }, { requestPermission: () => { permission.asked++; permission.now = "granted"; return Promise.resolve("granted"); } }),
    });
    Object.defineProperty(Notification, "permission", { get: () => permission.now });
    // Nobody looks at the page.
    Object.defineProperty(document, "visibilityState", { get: () => "hidden" });
  });
  await page.goto(`/orders/${id}`);
  const button = page.getByRole("button", { name: /Tell me when it’s ready/ });
  await expect(button).toBeVisible();
  const read = () => page.evaluate(() => { const { told, permission } = globalThis as unknown as { told: string[]; permission: { asked: number } }; return [permission.asked, ...told]; });
  expect(await read()).toEqual([0]);
  await button.click();
  await expect(page.getByText(/get a notification/)).toBeVisible();
  await factory.work(id, "package");
  await expect(page).toHaveTitle(`Ready: ${pickupCode} · Cupcakery`);
  const code = page.getByText(pickupCode, { exact: true });
  await expect(code).toBeInViewport({ ratio: 1 });
  expect(await code.evaluate((element) => parseFloat(getComputedStyle(element).fontSize)), "it can be read at arm's length").toBeGreaterThanOrEqual(56);
  await expect.poll(read).toEqual([1, `Your cupcakes are ready: Pickup code ${pickupCode}`]);
  await page.reload();
  await expect(page.getByRole("heading", { level: 1 })).toHaveText("Ready: your cupcakes are waiting for you");
  expect(await read(), "a page that is opened later has nothing to tell").toEqual([0]);
});

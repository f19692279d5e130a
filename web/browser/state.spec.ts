import { staff } from "./factory";
import { addToBasket, expect, test, ticket } from "./test";

test("a flavour is sold out at one touch, on every page, until it is taken back", async ({ desk, factory }) => {
  const customer = await desk.open("/");
  await addToBasket(customer, "Lemon");
  await customer.getByRole("textbox", { name: /^Name/ }).fill("Ada");

  const baker = await desk.open("/stations/bake", staff.bake);
  await baker.getByRole("button", { name: "Sold out, pause …" }).click();
  await baker.getByRole("button", { name: "Lemon is sold out" }).click();
  await expect(baker.getByRole("button", { name: "Lemon is back" })).toBeVisible();

  const basket = customer.getByRole("region", { name: "Basket" });
  await expect(basket.getByText("Sold out", { exact: true })).toBeVisible();
  await expect(customer.getByRole("button", { name: /^Lemon Sold out/ })).toBeDisabled();
  await customer.getByRole("button", { name: /^Order 6 cupcakes/ }).click();
  await expect(basket.getByText("Sold out: remove it, or choose another flavour.")).toBeFocused();
  const refused = await fetch(`${factory.url}/api/v1/orders`, {
    method: "POST",
    headers: { "Content-Type": "application/json" },
    body: JSON.stringify({ customer: { name: "Ada" }, lines: [{ flavour: "lemon", size: "M", quantity: 1 }] }),
  });
  expect(refused.status).toBe(409);

  await baker.getByRole("button", { name: "Lemon is back" }).click();
  await expect(basket.getByText("Sold out", { exact: true })).toHaveCount(0);
});

test("nothing is started at a paused station, and it says who has paused it", async ({ desk, factory }) => {
  const { pickupCode } = await factory.place();
  const [mixer, manager] = [await desk.open("/stations/mix", staff.mix), await desk.open("/dashboard", staff.manager)];
  await expect(ticket(mixer, pickupCode)).toBeVisible();
  await manager.getByRole("button", { name: "Sold out, pause …" }).click();
  await manager.getByLabel("Pause because").fill("the mixer is out");
  await manager.getByRole("button", { name: "Pause Mix" }).click();
  await expect(mixer.getByText("This station is paused by max")).toBeVisible();
  await expect(mixer.getByText("the mixer is out").first()).toBeVisible();
  await expect(ticket(mixer, pickupCode).getByRole("button", { name: "Start" })).toHaveCount(0);
  await expect(ticket(mixer, pickupCode).getByRole("button", { name: "Paused" })).toHaveAttribute("aria-disabled", "true");
  await mixer.getByRole("button", { name: "Resume" }).click();
  await expect(mixer.getByText("This station is paused")).toHaveCount(0);
  await ticket(mixer, pickupCode).getByRole("button", { name: "Start" }).click();
  await expect(ticket(mixer, pickupCode).getByRole("button", { name: "Done" })).toBeVisible();
});

test("an order in a rush comes first, with its reason, until that is taken back", async ({ desk, factory }) => {
  await factory.place();
  const { pickupCode } = await factory.place();
  const mixer = await desk.open("/stations/mix", staff.mix);
  await ticket(mixer, pickupCode).getByRole("button", { name: `Rush ${pickupCode}` }).click();
  await mixer.getByLabel("Why").fill("the bride is at the door");
  await mixer.getByRole("button", { name: "Let it go first" }).click();
  const first = mixer.getByRole("region", { name: "Waiting" }).getByRole("article").first();
  await expect(first).toHaveAccessibleName(`Ticket ${pickupCode}`);
  await expect(first).toContainText("the bride is at the door");
  await first.getByRole("button", { name: `No rush for ${pickupCode}` }).click();
  await expect(ticket(mixer, pickupCode)).not.toContainText("the bride is at the door");
});

test("what is collected leaves every counter, and comes back if it was not", async ({ desk, factory }) => {
  const { id, pickupCode } = await factory.place();
  await factory.work(id, "mix", "bake", "decorate", "package");
  await factory.untilState(id, "shipped");
  const [here, there] = [await desk.open("/counter", staff.package), await desk.open("/counter", staff.manager)];
  const shown = there.getByRole("region", { name: "Ready to collect" }).getByText(pickupCode);
  await expect(shown).toBeVisible();
  await here.getByRole("button", { name: `${pickupCode} is collected` }).click();
  await expect(shown).toHaveCount(0);
  await here.getByRole("button", { name: "Not collected after all" }).click();
  await expect(shown).toBeVisible();
});

test("whoever signs out is out in every tab, and so is the cookie", async ({ desk }) => {
  const page = await desk.open("/dashboard", staff.manager);
  const cookies = await page.context().cookies();
  const other = await page.context().newPage();
  await other.goto("/stations/mix");
  await expect(other.getByText("Live")).toBeVisible();
  await page.getByRole("button", { name: "Sign out" }).click();
  await expect(page).toHaveURL(/sign-in$/);
  await expect(other).toHaveURL(/sign-in/);
  await page.context().addCookies(cookies);
  expect((await page.request.get("/api/v1/kitchen/state")).status()).toBe(401);
});

import { expect, orderIdOf, test } from "./test";
import { staff } from "./factory";

test("a draft survives a reload, and is gone once it is ordered", async ({ desk }) => {
  const page = await desk.open("/");
  await page.getByRole("button", { name: "Add to basket" }).click();
  await page.getByLabel("Name", { exact: true }).fill("Grace");
  await page.getByLabel("Notes for the kitchen").fill("no candles");
  await page.reload();
  await expect(page.getByLabel("Name", { exact: true })).toHaveValue("Grace");
  await expect(page.getByLabel("Notes for the kitchen")).toHaveValue("no candles");
  await page.getByRole("button", { name: "Order 6 cupcakes" }).click();
  await expect(page).toHaveURL(/\/orders\//);
  await page.goto("/");
  await expect(page.getByText("Still empty.")).toBeVisible();
  await expect(page.getByLabel("Name", { exact: true })).toHaveValue("");
});

test("a double click is one order, and so is one whose answer was lost", async ({ desk }) => {
  const page = await desk.open("/");
  await page.getByRole("button", { name: "Add to basket" }).click();
  await page.getByLabel("Name", { exact: true }).fill("Impatient");
  const ids: string[] = [];
  let lose = true;
  await page.route("**/api/v1/orders", async (route) => {
    const response = await route.fetch();
    ids.push(((await response.json()) as { id: string }).id);
    if (lose) await route.abort();
    else await route.fulfill({ response });
    lose = false;
  });
  await page.getByRole("button", { name: "Order 6 cupcakes" }).dblclick();
  await expect(page.getByRole("alert")).toContainText("it stays one order");
  // Not even a reload makes it another.
  await page.reload();
  await page.getByRole("button", { name: "Order 6 cupcakes" }).dblclick();
  await expect(page).toHaveURL(/\/orders\//);
  expect(ids).toEqual([orderIdOf(page), orderIdOf(page)]);
});

test("what is wrong stands beside its field, before and after the server has looked", async ({ desk }) => {
  const page = await desk.open("/");
  await page.getByRole("button", { name: "Order", exact: true }).click();
  await expect(page.getByLabel("Name", { exact: true })).toHaveAccessibleDescription(/name to call out/);
  await expect(page.getByText("Put at least one cupcake into the basket.")).toBeVisible();
  await page.getByLabel("Piped on each").fill("x".repeat(41));
  await expect(page.getByLabel("Piped on each")).toHaveAccessibleDescription(/1 characters too many/);
  await page.getByLabel("Piped on each").fill("");
  await page.getByRole("button", { name: "Add to basket" }).click();
  await page.getByLabel("Name", { exact: true }).fill("G".repeat(10_000));
  await page.getByRole("button", { name: "Order 6 cupcakes" }).click();
  await expect(page.getByLabel("Name", { exact: true })).toHaveAccessibleDescription(/^At most 80 characters: 9920 too many/);
  // Control characters are a rule that only the server has.
  await page.getByLabel("Name", { exact: true }).fill("Grace\u200e\u0007");
  await page.getByRole("button", { name: "Order 6 cupcakes" }).click();
  await expect(page.getByLabel("Name", { exact: true })).toHaveAttribute("aria-invalid", "true");
  await page.getByLabel("Name", { exact: true }).fill("Grace");
  await page.getByRole("button", { name: "Order 6 cupcakes" }).click();
  await expect(page).toHaveURL(/\/orders\//);
});

test("an allergen in the basket is pointed out", async ({ desk }) => {
  const page = await desk.open("/");
  await page.getByRole("radio", { name: /Carrot/ }).check();
  await page.getByRole("button", { name: "Add to basket" }).click();
  await page.getByRole("checkbox", { name: "nuts" }).check();
  await expect(page.getByText("Carrot has nuts.")).toBeVisible();
});

test("without the server the menu cannot be shown, and comes when it is back", async ({ desk }) => {
  const page = await desk.open("/");
  await page.route("**/api/v1/menu", (route) => route.abort());
  await page.reload();
  await expect(page.getByText("The bakery cannot be reached.")).toBeVisible();
  await page.unroute("**/api/v1/menu");
  await page.getByRole("button", { name: "Try again" }).click();
  await expect(page.getByRole("radio", { name: /Red velvet/ })).toBeVisible();
});

test("scripts and markup in every text field are shown as text", async ({ desk, factory }) => {
  const evil = '<img src=x onerror="document.title=1"><script>alert(1)</script>';
  const short = "<b onclick=alert(1)>hi</b>";
  const page = await desk.open("/");
  page.on("dialog", () => { throw new Error("a script ran"); });
  await page.getByLabel("Piped on each").fill(short);
  await page.getByRole("button", { name: "Add to basket" }).click();
  await page.getByLabel("Name", { exact: true }).fill(evil);
  await page.getByLabel("Other allergies").fill(short);
  await page.getByLabel("Notes for the kitchen").fill(evil);
  await page.getByRole("button", { name: "Order 6 cupcakes" }).click();
  await expect(page).toHaveURL(/\/orders\//);
  await expect(page.getByText(evil).first()).toBeVisible();
  const id = orderIdOf(page);
  const { pickupCode } = await factory.untilWaitingFor(id, "mix");
  await factory.say(staff.mix, `${id}.mix.1`, { kind: "failed", reason: "equipment", note: evil });
  await factory.work(id, "mix", "bake");
  const board = await desk.open("/stations/decorate", staff.decorate);
  const card = board.getByRole("article", { name: `Ticket ${pickupCode}` });
  for (const text of [evil, short]) await expect(card.getByText(text).first()).toBeVisible();
  expect(await board.locator("img, script:not([src])").count()).toBe(0);
  await expect(board).toHaveTitle("Decorate · Cupcakery");
});

test("an order's id is in no log and no Referer", async ({ desk, factory }) => {
  const { id } = await factory.place();
  const page = await desk.open("/");
  const referers: string[] = [];
  page.on("request", (request) => {
    const { referer } = request.headers();
    if (referer) referers.push(referer);
  });
  await page.goto(`/orders/${id}`);
  await expect(page.getByRole("heading", { level: 1 })).toBeVisible();
  await page.getByRole("link", { name: "Cupcakery" }).click();
  await expect(page.getByRole("radio", { name: /Red velvet/ })).toBeVisible();
  await page.reload();
  expect(referers).toEqual([]);
  expect(factory.logOf("api")).toContain("/orders/:id");
  expect(factory.logOf("api")).not.toContain(id);
});

test("an address that leads nowhere says so", async ({ desk }) => {
  for (const path of ["/orders/nonsense", "/orders/01936f8e-5c1a-7d3b-9f00-000000000001"]) {
    const page = await desk.open(path);
    await expect(page.getByText("There is no such order")).toBeVisible();
  }
  const page = await desk.open("/cellar");
  await expect(page.getByText("There is no such page")).toBeVisible();
});

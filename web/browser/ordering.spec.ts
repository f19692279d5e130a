import { addToBasket, choose, expect, orderIdOf, test } from "./test";
import { staff, until } from "./factory";

test("a draft survives a reload, and is gone once it is ordered", async ({ desk }) => {
  const page = await desk.open("/");
  await addToBasket(page);
  await page.getByLabel("Name", { exact: true }).fill("Grace");
  await page.getByLabel("Notes for the kitchen").fill("no candles");
  await page.reload();
  await expect(page.getByLabel("Name", { exact: true })).toHaveValue("Grace");
  await expect(page.getByLabel("Notes for the kitchen")).toHaveValue("no candles");
  await page.getByRole("button", { name: "Order 6 cupcakes" }).click();
  await expect(page).toHaveURL(/\/orders\//);
  await page.goto("/");
  await expect(page.getByText("Your basket is empty.")).toBeVisible();
  await expect(page.getByLabel("Name", { exact: true })).toHaveValue("");
});

test("a double click is one order, and so is one whose answer was lost", async ({ desk }) => {
  const page = await desk.open("/");
  await addToBasket(page);
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
  await expect(page.getByRole("alert")).toContainText("you will get only one order");
  // After a reload it is still the same order.
  await page.reload();
  await page.getByRole("button", { name: "Order 6 cupcakes" }).dblclick();
  await expect(page).toHaveURL(/\/orders\//);
  expect(ids).toEqual([orderIdOf(page), orderIdOf(page)]);
});

test("a fault is shown beside its field, before and after the server has checked", async ({ desk }) => {
  const page = await desk.open("/");
  await choose(page);
  await page.getByLabel("Message on each").fill("x".repeat(41));
  await expect(page.getByLabel("Message on each")).toHaveAccessibleDescription(/1 character too many/);
  await page.getByLabel("Message on each").fill("");
  await page.getByRole("button", { name: "Add to basket" }).click();
  await page.getByLabel("Name", { exact: true }).focus();
  await page.getByRole("button", { name: "Continue" }).click();
  await expect(page.getByLabel("Name", { exact: true })).toHaveAccessibleDescription(/name to call out/);
  await expect(page.getByLabel("Name", { exact: true })).toBeFocused();
  await page.getByLabel("Name", { exact: true }).fill("G".repeat(10_000));
  await page.getByRole("button", { name: "Order 6 cupcakes" }).click();
  await expect(page.getByLabel("Name", { exact: true })).toHaveAccessibleDescription(/^At most 80 characters: 9920 too many/);
  // Only the server knows that it refuses characters for private use.
  await page.getByLabel("Name", { exact: true }).fill("Grace\u{F8FF}");
  await page.getByRole("button", { name: "Order 6 cupcakes" }).click();
  await expect(page.getByLabel("Name", { exact: true })).toHaveAttribute("aria-invalid", "true");
  await page.getByLabel("Name", { exact: true }).fill("Grace");
  await expect(page.getByLabel("Name", { exact: true }), "a corrected field has no fault").not.toHaveAttribute("aria-invalid");
  await page.getByRole("button", { name: "Order 6 cupcakes" }).click();
  await expect(page).toHaveURL(/\/orders\//);
});

test("a fault disappears as soon as it is corrected, and the others stay", async ({ desk }) => {
  const page = await desk.open("/");
  await addToBasket(page);
  await page.getByLabel("Notes for the kitchen").fill("x".repeat(501));
  await page.getByLabel("Name", { exact: true }).focus();
  await page.getByRole("button", { name: "Continue" }).click();
  const complaint = page.getByText("Tell us a name to call out.");
  await expect(complaint).toBeVisible();
  await expect(page.getByText("At most 500 characters: 1 too many.")).toBeVisible();
  await page.getByLabel("Notes for the kitchen").fill("");
  await expect(page.getByText("At most 500 characters")).toBeHidden();
  await expect(complaint).toBeVisible();
  await page.getByLabel("Name", { exact: true }).fill("A");
  await expect(complaint).toBeHidden();
  await page.getByLabel("Name", { exact: true }).fill("");
  await expect(complaint, "no fault is shown before the order is sent").toBeHidden();
});

test("a number of pieces is what was typed, in any digits, or is shown as a fault", async ({ desk }) => {
  const page = await desk.open("/");
  await choose(page);
  const number = page.getByRole("textbox", { name: "How many" });
  for (const [typed, complaint] of [["1,5", /Whole pieces/], ["1e2", /whole number/], ["-3", /whole number/], ["501", /At most 500/]] as const) {
    await number.fill(typed);
    await page.getByRole("button", { name: "Add to basket" }).click();
    await expect(number).toHaveAccessibleDescription(complaint);
    await expect(number).toHaveValue(typed);
    await expect(number).toBeFocused();
  }
  await expect(page.getByRole("region", { name: "Next step" })).toContainText("Your basket is empty");
  await number.fill("１２");
  await page.getByRole("button", { name: "Add to basket" }).click();
  const pieces = page.getByRole("textbox", { name: /Pieces of/ });
  await expect(pieces).toHaveValue("12");
  await page.getByLabel("Name", { exact: true }).fill("Grace");
  await pieces.fill("2.5");
  await page.reload();
  await page.getByRole("button", { name: /^Order/ }).click();
  await expect(pieces).toHaveAccessibleDescription(/At least 1/);
  await pieces.fill("٧");
  await page.getByRole("button", { name: "Order 7 cupcakes" }).click();
  await expect(page).toHaveURL(/\/orders\//);
});

test("invisible characters that were pasted are removed, and emoji stay whole", async ({ desk, factory }) => {
  const page = await desk.open("/");
  await choose(page);
  await page.getByLabel("Message on each").fill("\u2068Hi\u2069 👩‍👧\u202c");
  await page.getByRole("button", { name: "Add to basket" }).click();
  await page.getByLabel("Name", { exact: true }).fill("\ufeff\u2068Grace\u00ad Hopper\u2069\u0007");
  await page.getByLabel("Other allergies").fill("\u2066kiwi\u2069");
  await page.getByLabel("Notes for the kitchen").fill("ring\n\u2067the bell\u2069");
  await page.getByRole("button", { name: "Order 6 cupcakes" }).click();
  await expect(page).toHaveURL(/\/orders\//);
  const order = await until("the order is known", () => factory.order(orderIdOf(page)));
  expect([order.customer.name, order.lines[0]?.message, order.allergies, order.notes]).toEqual(["Grace Hopper", "Hi 👩‍👧", ["kiwi"], "ring\nthe bell"]);
  await page.getByRole("button", { name: "Change message or notes" }).click();
  await page.getByRole("textbox", { name: "Notes" }).fill("\u2068knock\u2069");
  await page.getByRole("button", { name: "Save changes" }).click();
  await expect(page.getByRole("dialog")).toBeHidden();
  await expect(page.getByText("knock", { exact: true })).toBeVisible();
});

test("all of a message is visible in its picture, in every script", async ({ desk }) => {
  const page = await desk.open("/");
  await choose(page);
  const plaque = page.locator(".builder-picture .cupcake-plaque");
  for (const message of ["Hi", "W".repeat(12), "W".repeat(24), "W".repeat(40), "祝".repeat(40), "🎂".repeat(40), "Happy birthday, dear grandmother Olga!!!"]) {
    await page.getByLabel("Message on each").fill(message);
    await expect(plaque).toHaveText(message);
    for (const width of [360, 820, 1440]) {
      await page.setViewportSize({ width, height: 900 });
      // Its letters become smaller once the page has seen that they are too large.
      await expect.poll(() => plaque.evaluate((element) => {
        const [own, picture] = [element.getBoundingClientRect(), element.parentElement?.getBoundingClientRect() ?? new DOMRect()];
        return Math.max(picture.top - own.top, own.bottom - picture.bottom, picture.left - own.left, own.right - picture.right, element.scrollWidth - element.clientWidth);
      }), `${message}, ${width} px`).toBeLessThanOrEqual(1);
    }
  }
});

test("a flavour that meets an allergy must be confirmed, on the page as over the API", async ({ desk, factory }) => {
  const page = await desk.open("/", undefined, { viewport: { width: 360, height: 740 } });
  await addToBasket(page, "Carrot");
  await page.getByLabel("Name", { exact: true }).fill("Grace");
  await page.getByRole("checkbox", { name: "nuts", exact: true }).check();
  await expect(page.getByText("Carrot contains nuts.")).toBeVisible();
  const tick = page.getByRole("checkbox", { name: "I know that Carrot contains nuts, and want it all the same" });
  await page.getByRole("button", { name: /^Order 6 cupcakes/ }).click();
  await expect(tick).toBeFocused();
  await expect(tick).toHaveAccessibleDescription(/Tick it if you want that all the same/);
  await expect(page).toHaveURL("/");
  // Who is about to add another one is told there.
  await choose(page, "Coffee and walnut");
  await expect(page.getByText("You said that you are allergic. Coffee and walnut contains nuts.")).toBeInViewport({ ratio: 1 });
  await page.keyboard.press("Escape");
  await tick.focus();
  await page.keyboard.press("Space");
  await expect(page.getByText("Tick it if you want that all the same")).toBeHidden();
  // What was confirmed is the nuts, and not the egg too.
  await page.getByRole("checkbox", { name: "egg", exact: true }).check();
  await expect(page.getByRole("checkbox", { name: "I know that Carrot contains egg and nuts, and want it all the same" })).not.toBeChecked();
  await page.getByRole("checkbox", { name: "egg", exact: true }).uncheck();
  await expect(tick).toBeChecked();
  await page.getByRole("button", { name: /^Order 6 cupcakes/ }).click();
  await expect(page.getByText("What you ordered")).toBeVisible();

  const order = { customer: { name: "Ada" }, lines: [{ flavour: "carrot", size: "M", quantity: 1 }], allergies: ["nuts"] };
  const place = async (body: object) => fetch(`${factory.url}/api/v1/orders`, { method: "POST", headers: { "Content-Type": "application/json" }, body: JSON.stringify(body) });
  const refused = await place(order);
  expect(refused.status).toBe(422);
  expect(await refused.json()).toMatchObject({ errors: [{ pointer: "/allergyConfirmed", detail: expect.stringMatching(/^Carrot contains nuts.*send true/) as unknown }] });
  expect((await place({ ...order, allergyConfirmed: true })).status).toBe(201);
});

test("without the server the menu cannot be shown, and appears when the server is back", async ({ desk }) => {
  const page = await desk.open("/");
  await page.route("**/api/v1/menu", (route) => route.abort());
  await page.reload();
  await expect(page.getByText("The bakery cannot be reached.")).toBeVisible();
  await page.unroute("**/api/v1/menu");
  await page.getByRole("button", { name: "Try again" }).click();
  await expect(page.getByRole("button", { name: /^Red velvet/ })).toBeVisible();
});

test("scripts and markup in every text field are shown as text", async ({ desk, factory }) => {
  const evil = '<img src=x onerror="document.title=1"><script>alert(1)</script>';
  const short = "<b onclick=alert(1)>hi</b>";
  const page = await desk.open("/");
  page.on("dialog", () => { throw new Error("a script ran"); });
  await choose(page);
  await page.getByLabel("Message on each").fill(short);
  await page.getByRole("button", { name: "Add to basket" }).click();
  await page.getByLabel("Name", { exact: true }).fill(evil);
  await page.getByLabel("Other allergies").fill(short);
  await page.getByLabel("Notes for the kitchen").fill(evil);
  await page.getByRole("button", { name: "Order 6 cupcakes" }).click();
  await expect(page).toHaveURL(/\/orders\//);
  await expect(page.getByText(evil).first()).toBeVisible();
  const id = orderIdOf(page);
  const { pickupCode } = await factory.untilWaitingFor(id, "mix");
  await factory.ack(staff.mix, `${id}.mix.1`, { kind: "failed", reason: "equipment", note: evil });
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
  await expect(page.getByRole("button", { name: /^Red velvet/ })).toBeVisible();
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

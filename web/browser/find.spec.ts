import { staff, until } from "./factory";
import { addToBasket, expect, orderIdOf, test, ticket } from "./test";

// Whoever orders here is to have it at once, so that everything is late.
const kitchen = `remakes: {max: 1}
opening: {lead: {base: 0s, perDozen: 0s}}
menu:
  currency: EUR
  flavours:
    - {code: lemon, name: Lemon, allergens: [egg, milk]}
    - {code: carrot, name: Carrot, allergens: [nuts]}
  sizes:
    - {code: M, label: Medium, price: 2.40}
`;

test.use({ kitchen: [kitchen, { scope: "worker" }] });

test("an order is found by its name, with why it is late, and cancelled on the customer's behalf", async ({ desk, factory }) => {
  const { id, pickupCode } = await factory.place({ customer: { name: "Björn Ångström" }, lines: [{ flavour: "lemon", size: "M", quantity: 20 }, { flavour: "carrot", size: "M", quantity: 10, message: "Hurra" }], allergies: ["nuts"], allergyConfirmed: true });
  await factory.place({ customer: { name: "Somebody else" } });
  await factory.work(id, "mix");
  await factory.ack(staff.bake, `${id}.bake.1`, { kind: "started" });
  await factory.ack(staff.bake, `${id}.bake.1`, { kind: "failed", reason: "burnt", note: "tray 4", scrapped: 30 });
  await factory.untilWaitingFor(id, "mix");

  const page = await desk.open("/find", staff.manager);
  await until("lists have the order", async () => {
    await page.getByRole("searchbox", { name: "Name, code or end of phone" }).fill("angstrom");
    await page.getByRole("button", { name: "Find", exact: true }).click();
    await expect(page).toHaveURL(/q=angstrom/);
    return (await page.getByRole("list", { name: "Orders" }).getByText("Björn Ångström").count()) === 1;
  });
  await expect(page.getByText("Somebody else")).toBeHidden();
  await page.getByRole("link", { name: pickupCode }).click();
  await expect(page.getByRole("heading", { level: 1 })).toHaveText(`${pickupCode} Björn Ångström`);
  const happened = page.getByRole("region", { name: "What happened" });
  await expect(happened.getByRole("listitem").first()).toContainText("It was ordered: 30 cupcakes.");
  await expect(happened).toContainText("Mix was done by mia.");
  await expect(happened).toContainText("Bake failed, says bob (Burnt). “tray 4” 30 cupcakes were thrown away.");
  await expect(happened).toContainText("The ticket for mix went out, for the 2nd time.");
  await expect(page.getByText(/^Late\. It is .* late\. It was made anew: bake failed .* ago \(Burnt\), and 30 cupcakes were thrown away\./)).toBeVisible();
  await expect(page.getByText("€72.00, paid at pickup")).toBeVisible();

  await page.getByRole("button", { name: "Cancel the order" }).click();
  const dialog = page.getByRole("dialog");
  await dialog.getByLabel("Why?").fill("called in");
  await dialog.getByRole("button", { name: "Cancel the order" }).click();
  await expect(happened).toContainText("max asked to cancel it: called in.");
  await expect(page.getByRole("button", { name: "Cancel the order" })).toBeHidden();
});

test("an order with a phone number is found by its last digits, and only staff see the number", async ({ desk, factory }) => {
  const phone = "+493055501357";
  const customer = await desk.open("/");
  await addToBasket(customer, "Lemon");
  await customer.getByLabel("Name", { exact: true }).fill("Grace Hopper");
  const field = customer.getByRole("textbox", { name: "Phone (optional)" });
  await expect(field).toHaveAttribute("type", "tel");
  await expect(field).toHaveAttribute("autocomplete", "tel");
  await field.fill("12");
  await customer.getByRole("button", { name: "Order 6 cupcakes" }).click();
  await expect(field).toHaveAccessibleDescription(/From 6 to 15 digits/);
  await field.fill("+49 (0)30 555-01357");
  await customer.getByRole("button", { name: "Order 6 cupcakes" }).click();
  await expect(customer).toHaveURL(/\/orders\//);
  await expect(customer.getByText("Grace Hopper")).toBeVisible();
  const status = await customer.request.get(`/api/v1/orders/${orderIdOf(customer)}`);
  expect(await status.text()).not.toContain("55501357");
  expect(await customer.content()).not.toContain("1357");
  await factory.place({ customer: { name: "Nobody at all" } });

  const page = await desk.open("/find", staff.manager);
  await until("lists have the order", async () => {
    await page.getByRole("searchbox", { name: "Name, code or end of phone" }).fill("1357");
    await page.getByRole("button", { name: "Find", exact: true }).click();
    await expect(page).toHaveURL(/q=1357/);
    return (await page.getByRole("list", { name: "Orders" }).getByText("Grace Hopper").count()) === 1;
  });
  await expect(page.getByText("Nobody at all")).toBeHidden();
  await expect(page.getByRole("list", { name: "Orders" })).toContainText(phone);
  await page.getByRole("link", { name: /Grace Hopper/ }).click();
  await expect(page.getByRole("link", { name: phone })).toHaveAttribute("href", `tel:${phone}`);
  await expect(page.locator(".label").first(), "strangers read a label").not.toContainText("1357");

  await page.getByRole("button", { name: "Change the order" }).click();
  await page.getByRole("textbox", { name: "Phone (optional)" }).fill("+49 30 5550 2468");
  await page.getByRole("button", { name: "Save changes" }).click();
  await expect(page.getByRole("link", { name: "+493055502468" })).toBeVisible();
  await page.getByRole("button", { name: "Change the order" }).click();
  await page.getByRole("textbox", { name: "Phone (optional)" }).fill("");
  await page.getByRole("button", { name: "Save changes" }).click();
  await expect(page.getByRole("link", { name: /^[+]49/ })).toHaveCount(0);
});

test("each box gets a label, and who packs it is led there", async ({ desk, factory }) => {
  const { id, pickupCode } = await factory.place({ customer: { name: "Zoë de la Cruz" }, lines: [{ flavour: "lemon", size: "M", quantity: 20 }, { flavour: "carrot", size: "M", quantity: 10, message: "Hurra" }], allergies: ["nuts"], allergyConfirmed: true });
  await factory.work(id, "mix", "bake", "decorate");
  const board = await desk.open("/stations/package", staff.package);
  await expect(ticket(board, pickupCode)).toContainText("to pay €72.00");
  const opened = board.waitForEvent("popup");
  await ticket(board, pickupCode).getByRole("link", { name: /^Labels/ }).click();
  const page = await opened;
  await expect(page.getByRole("button", { name: "Print labels" })).toBeVisible();
  await expect(page.locator(".label").first()).toBeHidden();
  await page.emulateMedia({ media: "print" });
  const labels = page.locator(".label");
  await expect(labels).toHaveCount(2);
  await expect(labels.nth(0)).toContainText(`${pickupCode} box 1 of 2`);
  for (const text of ["Zoë", "20 × Lemon M", "4 × Carrot M", "Hurra", "Contains egg, milk, nuts", "ALLERGY: nuts", "€72.00"]) await expect(labels.nth(0)).toContainText(text);
  await expect(labels.nth(0), "strangers read a label").not.toContainText("Cruz");
  await expect(labels.nth(1)).toContainText("6 × Carrot M");
  await expect(labels.nth(1)).toContainText("Contains nuts");
  await expect(page.getByText("What happened")).toBeHidden();
  await expect(page.getByRole("banner")).toBeHidden();
  // One label on each page, and each page as large as a label: 100 by 62 mm in points.
  const pdf = (await page.pdf({ preferCSSPageSize: true })).toString("latin1");
  expect(pdf.match(/\/Type \/Page\b(?!s)/g)).toHaveLength(2);
  const box = /\/MediaBox \[0 0 ([\d.]+) ([\d.]+)\]/.exec(pdf);
  expect([Math.round(Number(box?.[1])), Math.round(Number(box?.[2]))]).toEqual([283, 176]);
});

test("a day's sheet has all pickups with what there is to make and to take", async ({ desk, factory }) => {
  const { pickupCode } = await factory.place({ customer: { name: "Sheet" }, lines: [{ flavour: "carrot", size: "M", quantity: 7, message: "Hurra" }] });
  const page = await desk.open("/dashboard", staff.manager);
  await page.getByRole("button", { name: "More" }).click();
  await page.getByRole("link", { name: "Day’s sheet" }).click();
  await until("the sheet has the order", async () => {
    await page.reload();
    await expect(page.getByRole("heading", { name: "By flavour" })).toBeVisible();
    return (await page.getByRole("rowheader", { name: pickupCode }).count()) === 1;
  });
  const row = page.getByRole("row").filter({ has: page.getByRole("rowheader", { name: pickupCode }) });
  for (const text of ["Sheet", "7 × Carrot M", "Hurra", "€16.80"]) await expect(row).toContainText(text);
  await expect(page.getByRole("row").filter({ has: page.getByRole("rowheader", { name: "Carrot" }) })).toContainText(/\d/);
  await page.emulateMedia({ media: "print" });
  await expect(page.getByRole("button", { name: "Print" })).toBeHidden();
  await expect(row).toBeVisible();
  const pdf = (await page.pdf({ preferCSSPageSize: true })).toString("latin1");
  const box = /\/MediaBox \[0 0 ([\d.]+) ([\d.]+)\]/.exec(pdf);
  expect([Math.round(Number(box?.[1])), Math.round(Number(box?.[2]))], "A4").toEqual([595, 842]);
});

test("links to a search are understood, and a stranger is asked to sign in", async ({ desk, factory }) => {
  await factory.place({ customer: { name: "Link" } });
  const page = await desk.open("/find?state=in-progress&day=today&q=link", staff.bake);
  await expect(page.getByRole("searchbox", { name: "Name, code or end of phone" })).toHaveValue("link");
  await expect(page.getByRole("combobox", { name: "State" })).toHaveValue("in-progress");
  await expect(page.getByRole("button", { name: "Today" })).toHaveAttribute("aria-pressed", "true");
  const stranger = await desk.open("/find/01936f8e-5c1a-7d3b-9f00-000000000001");
  await expect(stranger).toHaveURL(/sign-in\?to=%2Ffind%2F01936f8e/);
});

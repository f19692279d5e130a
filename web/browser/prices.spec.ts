import { addToBasket, choose, expect, orderIdOf, test } from "./test";

/** A kitchen file where a large lemon cupcake costs what is said, and a message half as much. */
const priced = (currency: string, price: string, message: string) =>
  `menu:\n  currency: ${currency}\n  message: ${message}\n  flavours:\n    - {code: lemon, name: Lemon, allergens: [], surcharge: ${message}}\n    - {code: carrot, name: Carrot, allergens: []}\n  sizes:\n    - {code: L, label: Large, price: ${price}}\n`;
const unpriced = "menu:\n  flavours:\n    - {code: lemon, name: Lemon, allergens: []}\n  sizes:\n    - {code: L, label: Large}\n";

test.use({ kitchen: [priced("EUR", "2.40", "0.50"), { scope: "worker" }] });

test("a customer sees what everything costs, and the confirmation says the same as the basket", async ({ desk, factory }) => {
  const page = await desk.open("/");
  await expect(page.getByRole("button", { name: /^Carrot.*€2.40/ })).toBeVisible();
  await expect(page.getByRole("button", { name: /^Lemon.*€2.90/ }), "with its surcharge").toBeVisible();
  await choose(page, "Lemon");
  await expect(page.getByRole("radio", { name: "Large, €2.90" })).toBeVisible();
  await expect(page.getByLabel("Message on each")).toHaveAccessibleDescription(/€0.50 for each cupcake/);
  await page.getByLabel("Message on each").fill("Hi");
  await expect(page.getByText("6 × €3.40 = €20.40")).toBeVisible();
  await page.getByRole("button", { name: "Add to basket" }).click();
  await addToBasket(page, "Carrot");
  await page.getByRole("textbox", { name: "Pieces of Carrot, large" }).fill("2");
  const basket = page.getByRole("region", { name: "Basket" });
  await expect(basket).toContainText("€3.40 each");
  await expect(basket).toContainText("€25.20");
  await expect(basket).toContainText("You pay at pickup.");
  await expect(page.getByRole("region", { name: "Next step" })).toContainText("€25.20");
  await page.getByLabel("Name", { exact: true }).fill("Grace");
  await page.getByRole("button", { name: "Order 8 cupcakes for €25.20" }).click();
  await expect(page).toHaveURL(/\/orders\//);
  await expect(page.getByText("€25.20, paid at pickup")).toBeVisible();
  await expect(page.getByText("€2.40 each, €4.80")).toBeVisible();
  const id = orderIdOf(page);
  expect((await factory.order(id))?.total).toEqual({ currency: "EUR", decimals: 2, amount: 2520 });
  // A message that is taken away is not paid.
  await page.getByRole("button", { name: "Change message or notes" }).click();
  await page.getByRole("textbox", { name: "Message on 6 × Lemon" }).fill("");
  await page.getByRole("button", { name: "Save changes" }).click();
  await expect(page.getByText("€22.20, paid at pickup")).toBeVisible();
  await factory.work(id, "mix", "bake", "decorate", "package");
  await expect(page.getByText("pay €22.20 there")).toBeVisible();
});

test("a price that changes while somebody orders is told, and nothing is ordered before they agree", async ({ desk, factory }) => {
  const old = await factory.place({ lines: [{ flavour: "lemon", size: "L", quantity: 6 }] });
  const page = await desk.open("/");
  await addToBasket(page, "Lemon");
  await page.getByLabel("Name", { exact: true }).fill("Grace");
  await factory.changeKitchen(priced("KWD", "0.750", "0.125"));
  const answer = page.waitForResponse("**/api/v1/orders");
  await page.getByRole("button", { name: "Order 6 cupcakes for €17.40" }).click();
  expect((await answer).status()).toBe(409);
  await expect(page.getByRole("alert")).toContainText(/your order costs KWD\s5.250 now, not €17.40\. Nothing was ordered\./);
  await expect(page.getByRole("region", { name: "Basket" })).toContainText(/KWD\s5.250/);
  await page.getByRole("button", { name: /^Order 6 cupcakes for KWD\s5.250/ }).click();
  await expect(page.getByText(/KWD\s5.250, paid at pickup/)).toBeVisible();
  expect((await factory.order(old.id))?.total, "the file changes no order").toEqual({ currency: "EUR", decimals: 2, amount: 1740 });

  await factory.changeKitchen(unpriced);
  await page.goto("/");
  await addToBasket(page, "Lemon");
  await page.getByLabel("Name", { exact: true }).fill("Grace");
  await page.getByRole("button", { name: "Order 6 cupcakes", exact: true }).click();
  await expect(page).toHaveURL(/\/orders\//);
  await expect(page.getByText("What you ordered")).toBeVisible();
  await expect(page.getByText("paid at pickup")).toBeHidden();
  await page.goto(`/orders/${old.id}`);
  await expect(page.getByText("€17.40, paid at pickup")).toBeVisible();
  await factory.changeKitchen(priced("EUR", "2.40", "0.50"));
});

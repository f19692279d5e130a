import { addToBasket, choose, expect, test } from "./test";

for (const [name, viewport, colorScheme] of [
  ["a phone", { width: 360, height: 740 }, "light"],
  ["a tablet", { width: 1180, height: 820 }, "dark"],
  ["a desk", { width: 1440, height: 900 }, "light"],
] as const) {
  test(`on ${name} the basket and the next step are in sight after each tap`, async ({ desk }) => {
    const page = await desk.open("/", undefined, { viewport, colorScheme });
    const bar = page.getByRole("region", { name: "Next step" });
    await expect(bar).toContainText("Your basket is empty");
    await expect(bar.getByRole("button", { name: "Choose a flavour" })).toBeInViewport({ ratio: 1 });
    await choose(page, "Lemon");
    await expect(page.getByRole("button", { name: "Add to basket" })).toBeInViewport({ ratio: 1 });
    await page.getByRole("radio", { name: /^Large/ }).check();
    await expect(page.getByRole("button", { name: "Add to basket" })).toBeInViewport({ ratio: 1 });
    await page.getByRole("button", { name: "Add to basket" }).click();
    await expect(bar).toContainText("6 cupcakes");
    await expect(bar).toContainText("6 × Lemon L added.");
    const next = bar.getByRole("button", { name: "Continue" });
    await expect(next).toBeInViewport({ ratio: 1 });
    // Once or twice, depending on how much the screen shows: then the name is in sight.
    const field = page.getByLabel("Name", { exact: true });
    await next.click();
    if (!(await field.evaluate((element) => element === document.activeElement))) {
      await expect(page.getByRole("heading", { name: "Basket" })).toBeInViewport({ ratio: 1 });
      await next.click();
    }
    await expect(field).toBeFocused();
    await expect(field, "nothing covers it").toBeInViewport({ ratio: 1 });
    const [own, above, below] = await Promise.all([field, page.getByRole("banner"), bar].map((each) => each.boundingBox()));
    expect(own?.y).toBeGreaterThanOrEqual((above?.y ?? 0) + (above?.height ?? 0));
    expect((own?.y ?? 0) + (own?.height ?? 0)).toBeLessThanOrEqual(below?.y ?? 0);
    await field.fill("Grace");
    await expect(bar.getByRole("button", { name: "Order 6 cupcakes" })).toBeInViewport({ ratio: 1 });
  });
}

test("what is removed from the basket is gone from the next step too", async ({ desk }) => {
  const page = await desk.open("/");
  await addToBasket(page, "Lemon");
  await addToBasket(page, "Carrot");
  const bar = page.getByRole("region", { name: "Next step" });
  await expect(bar).toContainText("12 cupcakes");
  await page.getByRole("button", { name: "Remove Lemon, medium" }).click();
  await expect(bar).toContainText("6 cupcakes");
  await page.getByRole("button", { name: "Remove Carrot, medium" }).click();
  await bar.getByRole("button", { name: "Choose a flavour" }).click();
  await expect(page.getByRole("heading", { name: "Choose a flavour" })).toBeFocused();
});

import type { Page } from "@playwright/test";
import { staff } from "./factory";
import { group, expect, openUnhurried, test, ticket } from "./test";

/** Presses Tab until something with the name has the focus. */
async function tabTo(page: Page, name: RegExp): Promise<void> {
  for (let i = 0; i < 120; i++) {
    await page.keyboard.press("Tab");
    const focused = page.locator(":focus");
    if ((await focused.count()) === 0) continue;
    const label = await focused.evaluate((element) => {
      const labels = "labels" in element ? [...((element as HTMLInputElement).labels ?? [])].map((each) => each.textContent) : [];
      return [element.getAttribute("aria-label"), ...labels, element.textContent].filter(Boolean).join(" ");
    });
    if (name.test(label)) return;
  }
  throw new Error(`the keyboard does not reach ${String(name)}`);
}

test("an order is placed with the keyboard alone", async ({ desk }) => {
  const page = await desk.open("/");
  await expect(page.getByRole("button", { name: /^Red velvet/ })).toBeVisible();
  await page.keyboard.press("Tab");
  await expect(page.getByText("Skip to content")).toBeFocused();
  await page.keyboard.press("Enter");
  await expect(page.getByRole("main")).toBeFocused();
  await tabTo(page, /^Chocolate/);
  await page.keyboard.press("Enter");
  await expect(page.getByRole("dialog", { name: "Chocolate" })).toBeVisible();
  await page.keyboard.press("Escape");
  await expect(page.getByRole("button", { name: /^Chocolate/ }), "the focus comes back").toBeFocused();
  await page.keyboard.press("Enter");
  await tabTo(page, /^Medium/);
  await page.keyboard.press("ArrowRight");
  await expect(page.getByRole("radio", { name: /^Large/ })).toBeChecked();
  await tabTo(page, /Message on each/);
  await page.keyboard.type("Hooray");
  await tabTo(page, /Add to basket/);
  await page.keyboard.press("Enter");
  await expect(page.getByRole("status").filter({ hasText: "6 × Chocolate L added." })).toBeVisible();
  await tabTo(page, /^Continue$/);
  await page.keyboard.press("Enter");
  await tabTo(page, /^Name$/);
  await page.keyboard.type("Grace");
  await tabTo(page, /Order 6 cupcakes/);
  await page.keyboard.press("Enter");
  await expect(page).toHaveURL(/\/orders\//);
  await expect(page.getByText("Hooray").last()).toBeVisible();
});

test("a ticket is worked on with the keyboard alone", async ({ desk, factory }) => {
  const { id, pickupCode } = await factory.place();
  const { page, hurry } = await openUnhurried(desk, "/stations/mix", staff.mix);
  await expect(ticket(page, pickupCode)).toBeVisible();
  await page.getByRole("main").focus();
  await page.keyboard.press("ArrowDown");
  // Others may wait before it.
  const start = ticket(page, pickupCode).getByRole("button", { name: "Start" });
  for (let i = 0; i < 300 && !(await start.evaluate((element) => element === document.activeElement)); i++) await page.keyboard.press("ArrowRight");
  await expect(start).toBeFocused();
  await page.keyboard.press("Enter");
  const mine = group(page, "Mine").getByRole("article", { name: `Ticket ${pickupCode}` });
  await expect(mine).toBeVisible();
  const done = mine.getByRole("button", { name: "Done" });
  await expect(done, "the focus stays with the ticket").toBeFocused();
  await page.keyboard.press("f");
  await expect(page.getByRole("dialog")).toBeVisible();
  await page.keyboard.press("Escape");
  await expect(page.getByRole("dialog")).toBeHidden();
  await expect(done).toBeFocused();
  await page.keyboard.press("Enter");
  await expect(ticket(page, pickupCode).getByRole("button", { name: "Take back" })).toBeFocused();
  await page.keyboard.press("u");
  await hurry();
  await expect(mine).toBeVisible();
  await expect(done).toBeFocused();
  await page.keyboard.press("Enter");
  await factory.untilWaitingFor(id, "bake");
});

import type { Slots } from "../src/api/schema.gen";
import { addToBasket, expect, orderIdOf, test } from "./test";

const days = ["monday", "tuesday", "wednesday", "thursday", "friday", "saturday", "sunday"];
const hours = days.map((day) => `    ${day}: [00:00-24:00]\n`).join("");

// A slot has room for twelve.
test.use({ kitchen: [`opening:\n  timezone: Europe/Berlin\n  hours:\n${hours}  slot: 60m\n  capacity: 12\n  lead: {base: 45m, perDozen: 2m}\n  ahead: 7\n`, { scope: "worker" }] });

/** The day after today at the bakery. */
function tomorrow(): string {
  return new Date(Date.now() + 24 * 3600_000).toLocaleDateString("sv-SE", { timeZone: "Europe/Berlin" });
}

const clock = (at: string) => new Date(at).toLocaleTimeString("en-GB", { hour: "2-digit", minute: "2-digit", timeZone: "Europe/Berlin" });

test("an order for tomorrow has its place, is told of the next ones if it is taken, and its page says when", async ({ desk, factory }) => {
  const day = tomorrow();
  const { slots } = (await (await fetch(`${factory.url}/api/v1/slots?day=${day}&pieces=6`)).json()) as Slots;
  const [taken, next] = [slots[12]?.at ?? "", slots[13]?.at ?? ""];

  const page = await desk.open("/", undefined, { viewport: { width: 360, height: 740 } });
  await addToBasket(page, "Lemon");
  await page.getByLabel("Name", { exact: true }).fill("Grace");
  await page.getByRole("radio", { name: "A day and time" }).check();
  await page.getByRole("button", { name: /^Order 6 cupcakes/ }).click();
  await expect(page.getByLabel("Time", { exact: true })).toHaveAccessibleDescription("Choose a day and a time.");
  await page.getByLabel("Day", { exact: true }).selectOption(day);
  await page.getByLabel("Time", { exact: true }).selectOption(clock(taken));
  await expect(page.getByText("Choose a day and a time.")).toBeHidden();

  // Somebody else is faster.
  const other = await factory.place({ pickupAt: taken, lines: [{ flavour: "vanilla", size: "M", quantity: 12 }] });
  expect(other.dueAt).toBe(taken);
  await page.getByRole("button", { name: /^Order 6 cupcakes/ }).click();
  await expect(page.getByRole("alert")).toContainText("The slot is full. Nothing was ordered: the next one with room is");
  const free = page.getByRole("group", { name: /These have room/ }).getByRole("button");
  await expect(free.first()).toHaveText(clock(next));
  await free.first().click();
  await expect(page.getByLabel("Time", { exact: true })).toHaveValue(next);
  await expect(free).toHaveCount(0);
  await page.getByRole("button", { name: /^Order 6 cupcakes/ }).click();

  await expect(page.getByRole("heading", { level: 1 })).toHaveText(new RegExp(`^Your order is in for .*${clock(next)}$`));
  await expect(page.getByText("We begin in time, so that they are fresh.")).toBeVisible();
  expect(await factory.untilState(orderIdOf(page), "scheduled")).toMatchObject({ dueAt: next });
  // Its place is free again once it is cancelled.
  await page.getByRole("button", { name: "Cancel the order" }).click();
  await page.getByRole("dialog").getByRole("button", { name: "Cancel the order" }).click();
  await expect(page.getByRole("heading", { level: 1 })).toHaveText("Cancelled");
  const whole = await factory.place({ pickupAt: next, lines: [{ flavour: "vanilla", size: "M", quantity: 12 }] });
  expect(whole.state).toMatch(/^(accepted|scheduled)$/);
});

test("a full time can be seen, and cannot be chosen", async ({ desk, factory }) => {
  const day = tomorrow();
  const { slots } = (await (await fetch(`${factory.url}/api/v1/slots?day=${day}&pieces=6`)).json()) as Slots;
  const full = slots[15]?.at ?? "";
  await factory.place({ pickupAt: full, lines: [{ flavour: "vanilla", size: "M", quantity: 12 }] });
  const page = await desk.open("/");
  await addToBasket(page, "Lemon");
  await page.getByRole("radio", { name: "A day and time" }).check();
  await page.getByLabel("Day", { exact: true }).selectOption(day);
  await expect(page.getByRole("option", { name: `${clock(full)} (full)` })).toBeDisabled();
});

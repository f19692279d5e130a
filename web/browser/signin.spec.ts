import { staff } from "./factory";
import { expect, test } from "./test";

test("who shares a tablet chooses a tile and types a PIN, and a wrong one is told and cleared", async ({ desk }) => {
  // The factory's API is that of a demonstration, which shows its staff.
  const page = await desk.open("/stations/mix");
  await expect(page).toHaveURL(/sign-in\?to=%2Fstations%2Fmix$/);
  const tiles = page.getByRole("region", { name: "Who are you?" });
  await expect(tiles.getByRole("button"), "the mixer and the manager may stand there").toHaveText([/mia/, /max/]);
  await tiles.getByRole("button", { name: "mia" }).click();
  const pad = page.getByRole("form", { name: "Sign in as mia" });
  const pin = pad.getByLabel("PIN of mia");
  await expect(pin).toBeFocused();
  for (const digit of "999999") await pad.getByRole("button", { name: digit, exact: true }).click();
  await pad.getByRole("button", { name: "Sign in" }).click();
  await expect(pad.getByRole("alert")).toContainText("Nobody has this name and this PIN");
  await expect(pin).toHaveValue("");
  await expect(pin).toBeFocused();
  await page.keyboard.type(staff.mix.pin);
  await page.keyboard.press("Enter");
  await expect(page).toHaveURL(/\/stations\/mix$/);
  expect(await page.evaluate(() => localStorage.getItem("cupcakery.people")), "nothing is kept where all names are shown").toBeNull();
});

test("where names are not shown, a tablet offers those who have signed in on it, until they are removed", async ({ desk }) => {
  const page = await desk.open("/sign-in");
  await page.route("**/api/v1/session/names", (route) => route.fulfill({ json: { people: [] } }));
  await page.reload();
  await expect(page.getByLabel("Name")).toBeVisible();
  await expect(page.getByRole("region", { name: "Who are you?" })).toBeHidden();
  await page.getByLabel("Name").fill(staff.bake.name);
  await page.getByLabel("PIN", { exact: true }).fill(staff.bake.pin);
  await page.getByRole("button", { name: "Sign in", exact: true }).click();
  await expect(page).toHaveURL(/\/stations\/bake$/);
  await page.getByRole("button", { name: "Sign out" }).click();
  await page.getByRole("button", { name: "bob baker", exact: true }).click();
  await page.keyboard.press("Escape");
  await page.getByRole("button", { name: "Remove bob from this device" }).click();
  await expect(page.getByRole("region", { name: "Who are you?" })).toBeHidden();
  await page.reload();
  await expect(page.getByLabel("Name")).toBeVisible();
  await expect(page.getByRole("region", { name: "Who are you?" })).toBeHidden();
});

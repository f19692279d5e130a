import { staff } from "./factory";
import { expect, test } from "./test";

test("a manager takes a standing order, sees its first order placed, and ends it", async ({ desk }) => {
  const page = await desk.open("/standing", staff.manager);
  await expect(page.getByText("There are no standing orders")).toBeVisible();
  const form = page.getByRole("form", { name: "New standing order" });
  const take = form.getByRole("button", { name: "Take the standing order" });
  await take.click();
  await expect(form.getByRole("alert")).toContainText("Who is it for?");
  await form.getByRole("textbox", { name: "Customer" }).fill("Café Ada");
  await form.getByRole("combobox", { name: "Flavour" }).selectOption({ label: "Lemon" });
  await form.getByRole("textbox", { name: "Cupcakes" }).fill("4");
  await form.getByText("Add another flavour or size").click();
  await form.getByRole("button", { name: "Remove cupcakes 2" }).click();
  for (const day of ["Monday", "Thursday", "Saturday"]) await form.getByRole("checkbox", { name: day }).check({ force: true });
  await form.getByLabel("Pickup at").fill("10:07");
  await take.click();
  await expect(form.getByRole("alert")).toContainText("no slot begins then on a monday");
  await form.getByLabel("Pickup at").fill("10:00");
  await form.getByRole("textbox", { name: "Phone" }).fill("ring twice");
  await take.click();
  await expect(form.getByRole("alert")).toContainText("write it with digits");
  await form.getByRole("textbox", { name: "Phone" }).fill("+49 30 555-0123");
  await take.click();
  await expect(form.getByRole("status")).toContainText("The first order is for");

  const taken = page.getByRole("listitem").filter({ has: page.getByRole("heading", { name: "Café Ada" }) });
  await expect(taken).toContainText("Mondays, Thursdays and Saturdays at 10:00");
  await expect(taken).toContainText("4 × Lemon M");
  await expect(taken.getByRole("link", { name: "+49305550123" })).toBeVisible();
  // The list knows of it a little later, and its orders are placed meanwhile.
  await expect(async () => {
    await page.reload();
    await expect(taken.getByRole("link", { name: "Order placed" }).first()).toBeVisible({ timeout: 2000 });
  }).toPass();
  await taken.getByRole("button", { name: /^Pause/ }).click();
  await expect(taken.getByText("Paused")).toBeVisible();
  await taken.getByRole("button", { name: /^Resume/ }).click();
  await expect(taken.getByText("Paused")).toHaveCount(0);
  await taken.getByRole("link", { name: "Order placed" }).first().click();
  await expect(page.getByText("Café Ada")).toBeVisible();
  await expect(page.getByRole("link", { name: "+49305550123" })).toBeVisible();
  await page.goBack();
  await taken.getByRole("button", { name: /^End/ }).click();
  await page.getByRole("button", { name: "End it" }).click();
  await expect(taken).toHaveCount(0);
});

test("whoever is no manager only reads standing orders", async ({ desk }) => {
  const page = await desk.open("/standing", staff.package);
  // Temporal's list forgets another test's a little later, and who only reads is shown it once.
  await expect(async () => {
    await page.reload();
    await expect(page.getByText("There are no standing orders")).toBeVisible({ timeout: 2000 });
  }).toPass();
  await expect(page.getByRole("banner").getByText("Live"), "a page that follows nothing would say for ever that it connects").toBeVisible();
  await expect(page.getByRole("form")).toHaveCount(0);
});

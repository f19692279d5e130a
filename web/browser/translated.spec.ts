import type { Page } from "@playwright/test";
import { staff } from "./factory";
import { doing, expect, group, justDone, test, ticket } from "./test";

/** Keeps translating a page as a browser does: it moves each text into elements of its own, again whenever it changes. */
async function translate(page: Page): Promise<void> {
  await page.evaluate(() => {
    const translateAll = () => {
      const texts: Text[] = [];
      const walker = document.createTreeWalker(document.body, NodeFilter.SHOW_TEXT);
      while (walker.nextNode()) texts.push(walker.currentNode as Text);
      for (const text of texts) {
        const parent = text.parentElement;
        if (text.data.trim() === "" || !parent || parent.closest("[translate=no], i, script, svg")) continue;
        const [outer, inner] = [document.createElement("i"), document.createElement("i")];
        inner.textContent = text.data;
        outer.append(inner);
        text.replaceWith(outer);
      }
    };
    translateAll();
    new MutationObserver(translateAll).observe(document.body, { childList: true, characterData: true, subtree: true });
  });
}

test("a translated page still shows where the order is", async ({ desk, factory }) => {
  const { id } = await factory.place({ lines: [{ flavour: "lemon", size: "M", quantity: 6, message: "Happy 40th" }], allergies: ["nuts"] });
  const customer = await desk.open(`/orders/${id}`);
  await expect(customer.getByText("What you ordered")).toBeVisible();
  await translate(customer);
  for (const stage of ["mix", "bake", "decorate", "package"] as const) {
    await factory.untilWaitingFor(id, stage);
    await factory.ack(staff[stage], `${id}.${stage}.1`, { kind: "started" });
    await expect(customer.getByText(`${staff[stage].name} is ${doing[stage]}`)).toBeVisible();
    await factory.ack(staff[stage], `${id}.${stage}.1`, { kind: "done" });
  }
  await expect(customer.getByRole("heading", { level: 1 })).toHaveText("Ready: your cupcakes are waiting for you");
  await customer.getByRole("link", { name: "Order", exact: true }).click();
  await expect(customer.getByRole("button", { name: /^Red velvet/ })).toBeVisible();
  await expect(customer.getByText("Something went wrong")).toBeHidden();
});

test("a translated board still works, and messages and names stay as they were written", async ({ desk, factory }) => {
  const { id, pickupCode } = await factory.place({ customer: { name: "Ada Lovelace" }, lines: [{ flavour: "lemon", size: "M", quantity: 6, message: "Happy 40th" }] });
  await factory.work(id, "mix", "bake", "decorate");
  let connect: () => void = () => undefined;
  const connected = new Promise<void>((now) => (connect = now));
  const packager = await desk.open("/sign-in", staff.package);
  await packager.routeWebSocket(/\/api\/v1\/live$/, async (page) => {
    await connected;
    page.connectToServer();
  });
  await packager.goto("/stations/package");
  await expect(packager.getByText("Connecting …")).toBeVisible();
  await translate(packager);
  connect();
  await expect(packager.getByText("Live")).toBeVisible();
  const card = ticket(packager, pickupCode);
  for (const own of ["Happy 40th", "Ada Lovelace", pickupCode]) await expect(card.getByText(own).locator("xpath=ancestor-or-self::*[@translate='no']").first()).toBeVisible();
  await card.getByRole("button", { name: "Start" }).click();
  await expect(group(packager, "Mine").getByRole("article", { name: `Ticket ${pickupCode}` })).toBeVisible();
  await card.getByRole("button", { name: "Failed …" }).click();
  await packager.getByRole("radio", { name: "Equipment failed" }).check();
  await packager.getByRole("button", { name: "Report failure" }).click();
  await expect(card).toContainText("Failed before: Equipment failed");
  await card.getByRole("button", { name: "Start" }).click();
  await card.getByRole("button", { name: "Done" }).click();
  await expect((await justDone(packager)).getByRole("article", { name: `Ticket ${pickupCode}` })).toContainText("Done by pat");
  for (const [link, heading] of [["Dashboard", "Dashboard"], ["Counter", "Ready to collect"], ["Package", "Package"]] as const) {
    if (link === "Dashboard") await packager.getByRole("button", { name: "More" }).click();
    await packager.getByRole("link", { name: link, exact: true }).click();
    await expect(packager.getByRole("heading", { name: heading, exact: true })).toBeVisible();
  }
});

test("a page that something else has broken is redrawn", async ({ desk, factory }) => {
  const { id } = await factory.place();
  const customer = await desk.open(`/orders/${id}`);
  await expect(customer.getByText("What you ordered")).toBeVisible();
  // An extension removes what the page is about to remove itself.
  await customer.getByRole("button", { name: "Change message or notes" }).evaluate((button) => { button.remove(); });
  await factory.work(id, "mix", "bake", "decorate");
  await expect(customer.getByText("decorate", { exact: false }).first()).toBeVisible();
  await factory.work(id, "package");
  await expect(customer.getByRole("heading", { level: 1 })).toHaveText("Ready: your cupcakes are waiting for you");
});

import { readFileSync } from "node:fs";
import { createRequire } from "node:module";
import type { Page } from "@playwright/test";
import type { AxeResults } from "axe-core";
import { noon, staff, until } from "./factory";
import { expect, test } from "./test";

const axe = readFileSync(createRequire(import.meta.url).resolve("axe-core/axe.min.js"), "utf8");

// Whoever orders here is to have it at once, so that everything is late.
const kitchen = `remakes: {max: 2}
opening: {timezone: ${noon}, lead: {base: 0s, perDozen: 0s}}
menu:
  currency: EUR
  flavours:
    - {code: lemon, name: Lemon, allergens: [egg, milk]}
    - {code: carrot, name: Carrot, allergens: [nuts]}
  sizes:
    - {code: M, label: Medium, price: 2.40}
`;

test.use({ kitchen: [kitchen, { scope: "worker" }], hasLedger: [true, { scope: "worker" }] });

const block = (page: Page, name: string) => page.getByRole("region", { name, exact: true });

/** The number in a tile of the day. */
const figure = async (page: Page, name: string) => (await block(page, "The day in figures").getByRole("listitem").filter({ has: page.getByText(name, { exact: true }) }).locator("b").textContent()) ?? "";

test("the day’s history agrees with the dashboard, tells why an order was late, and traces a tray", async ({ desk, factory }) => {
  // One is shipped after a failure, one is cancelled (history counts it while the mixer still has to clear away), one is shipped without trouble.
  const burnt = await factory.place({ customer: { name: "Ada" }, lines: [{ flavour: "lemon", size: "M", quantity: 12 }] });
  await factory.work(burnt.id, "mix");
  await factory.ack(staff.bake, `${burnt.id}.bake.1`, { kind: "started" });
  await factory.ack(staff.bake, `${burnt.id}.bake.1`, { kind: "failed", reason: "burnt", scrapped: 12 });
  await factory.work(burnt.id, "mix", "bake", "decorate", "package");
  await factory.untilState(burnt.id, "shipped");
  const plain = await factory.place({ customer: { name: "Grace" }, lines: [{ flavour: "carrot", size: "M", quantity: 6 }] });
  await factory.work(plain.id, "mix", "bake", "decorate", "package");
  await factory.untilState(plain.id, "shipped");
  const gone = await factory.place({ customer: { name: "Omar" } });
  const cancelled = await fetch(`${factory.url}/api/v1/orders/${gone.id}/cancel`, { method: "POST", headers: { "Content-Type": "application/json" }, body: JSON.stringify({ reason: "the party is off" }) });
  expect(cancelled.ok, await cancelled.text()).toBe(true);

  const page = await desk.open("/dashboard", staff.manager, { acceptDownloads: true });
  await expect(page.getByRole("link", { name: "Ready today 2" })).toBeVisible();
  const made = (await page.getByRole("link", { name: /^Made today/ }).locator("b").textContent()) ?? "";
  await page.getByRole("button", { name: /^More/ }).click();
  await page.getByRole("navigation", { name: "Pages" }).getByRole("link", { name: "History" }).click();
  await expect(page).toHaveTitle("History · Cupcakery");
  await until("the ledger has read everything", async () => {
    await page.reload();
    await expect(block(page, "The day in figures").getByRole("listitem").first()).toBeVisible();
    return (await figure(page, "Ready")).startsWith("2") && (await figure(page, "Cancelled")) === "1" && (await figure(page, "Thrown away")).startsWith("12");
  });
  expect(await figure(page, "Revenue"), "as on the dashboard").toBe(made);
  expect(await figure(page, "Orders")).toBe("3");
  expect(await figure(page, "Pieces"), "of those that were not cancelled").toBe("18");
  await expect(block(page, "Flavours").getByRole("list")).toContainText("Lemon");
  await expect(block(page, "Thrown away").getByRole("list", { name: "Thrown away, by reason" })).toContainText("Burnt at bake");
  await expect(block(page, "People at work")).toContainText("bob");

  const downloaded = page.waitForEvent("download");
  await page.getByRole("link", { name: "CSV: Flavours" }).click();
  const rows = readFileSync(await (await downloaded).path(), "utf8").trim().split("\r\n");
  expect(rows[0]).toBe("flavour,size,pieces,scrapped,revenue,currency");
  expect(rows.slice(1).sort()).toEqual(["carrot,M,6,0,14.40,EUR", "lemon,M,12,12,28.80,EUR"]);

  // By keyboard: the late order opens, the address keeps it, and its tray is a link away.
  const row = block(page, "Late orders").getByRole("button", { name: new RegExp(`^${burnt.pickupCode} .* late`) });
  await row.focus();
  await page.keyboard.press("Enter");
  await expect(page).toHaveURL(new RegExp(`late=${burnt.pickupCode}`));
  const steps = page.getByRole("region", { name: "Stage by stage" });
  await expect(steps.getByRole("row")).toHaveCount(7); // mix, bake, mix and bake again, decorate, package, and the head
  await expect(steps).toContainText("failed 1 time");
  await steps.getByRole("link", { name: "Who else was on the tray at package" }).click();
  await expect(block(page, "On the same tray").getByRole("link", { name: burnt.pickupCode, exact: true })).toHaveAttribute("href", `/find/${burnt.id}`);
  await page.goBack();
  await expect(steps).toBeVisible();
});

test("every view fits a phone, a desk and a wall, and axe has no complaints in either theme", async ({ desk, factory }) => {
  test.slow();
  const { id, pickupCode } = await factory.place({ customer: { name: "Wolkenkuckucksheim".repeat(4) }, lines: [{ flavour: "lemon", size: "M", quantity: 12 }] });
  await factory.work(id, "mix", "bake", "decorate", "package");
  await factory.untilState(id, "shipped");
  const page = await desk.open("/history", staff.manager, { reducedMotion: "reduce" });
  await until("the ledger has read it", async () => {
    await page.goto(`/history?late=${pickupCode}`);
    await expect(block(page, "Late orders").getByText(/^As of/)).toBeVisible();
    return (await page.getByRole("region", { name: "Stage by stage" }).count()) > 0;
  });
  const complaints: string[] = [];
  for (const [path, last] of [[`/history?late=${pickupCode}`, "People at work"], ["/history?range=7", "When it is slow"], ["/history?range=90", "When it is slow"], ["/history?tab=ahead", "The bottleneck now"], [`/history?ticket=${id}.bake.1`, "On the same tray"], [`/history?code=${pickupCode}`, `Orders with the code ${pickupCode}`], ["/history?day=2020-02-02", "People at work"]] as const) {
    await page.goto(path);
    await expect(block(page, last).getByRole("link", { name: /^CSV/ })).toBeVisible();
    await page.locator("details").evaluateAll((all) => { for (const each of all) each.setAttribute("open", ""); });
    await page.evaluate(axe);
    for (const [size, viewport] of Object.entries({ phone: { width: 360, height: 740 }, desk: { width: 1440, height: 900 }, wall: { width: 1920, height: 1080 } })) {
      await page.setViewportSize(viewport);
      for (const theme of ["light", "dark"]) {
        await page.evaluate((chosen) => (document.documentElement.dataset["theme"] = chosen), theme);
        await page.evaluate(() => { document.getAnimations().forEach((animation) => { animation.cancel(); }); });
        const where = `${path}, ${size}, ${theme}`;
        const excess = await page.evaluate(() => document.documentElement.scrollWidth - document.documentElement.clientWidth);
        if (excess > 0) complaints.push(`${where}: ${excess} px too wide`);
        if (size === "wall") continue; // it is for what is too wide; the rest is as on any desk
        const results = await page.evaluate(() => (globalThis as unknown as { axe: { run: () => Promise<AxeResults> } }).axe.run());
        for (const violation of results.violations) complaints.push(`${where}: ${violation.id}, ${violation.help}: ${violation.nodes.map((node) => node.html).slice(0, 3).join(" · ")}`);
      }
    }
  }
  expect(complaints).toEqual([]);
});

test("while the ledger’s database is away the page says so, and goes on without a reload once it is back", async ({ desk, factory }) => {
  const page = await desk.open("/history", staff.manager);
  const figures = block(page, "The day in figures");
  await expect(figures.getByRole("listitem").first()).toBeVisible();
  await page.evaluate(() => { document.body.dataset["loaded"] = "once"; });
  await factory.openLedger(false);
  try {
    // By keyboard, which keeps its place in the part that failed.
    await page.getByRole("link", { name: /^The day before/ }).press("Enter");
    await expect(figures.getByRole("alert")).toContainText("The ledger's database did not answer in time");
    await expect(figures.getByRole("listitem"), "what it knew is of another day").toHaveCount(0);
    // The page tries by itself too: nothing is asked between the press and the database's return.
    let back: () => void = () => undefined;
    const isBack = new Promise<void>((done) => (back = done));
    await page.route("**/api/v1/history/days/*", async (route) => { await isBack; await route.continue(); });
    await figures.getByRole("button", { name: "Try again" }).press("Enter");
    await factory.openLedger(true);
    back();
  } finally {
    await factory.openLedger(true);
  }
  await expect(figures.getByRole("listitem").first()).toBeVisible();
  await expect(page.getByRole("alert")).toHaveCount(0);
  await expect(figures.getByRole("heading")).toBeFocused();
  await expect(page.locator("body")).toHaveAttribute("data-loaded", "once");
});

test("history is for managers", async ({ desk }) => {
  const page = await desk.open("/history", staff.bake);
  await expect(page).toHaveURL(/\/stations\/bake$/);
  await page.getByRole("button", { name: /^More/ }).click();
  await expect(page.getByRole("navigation", { name: "Pages" }).getByRole("link", { name: "Dashboard" })).toBeVisible();
  await expect(page.getByRole("navigation", { name: "Pages" }).getByRole("link", { name: "History" })).toBeHidden();
});

import { readFileSync } from "node:fs";
import { createRequire } from "node:module";
import type { Page } from "@playwright/test";
import type { AxeResults } from "axe-core";
import type { Stage } from "../src/api/schema.gen";
import { staff, type Factory } from "./factory";
import { expect, test } from "./test";

const axe = readFileSync(createRequire(import.meta.url).resolve("axe-core/axe.min.js"), "utf8");

/** axe takes a second or two, so it looks at each theme once, and at the least and the most of a page; elsewhere only the width is of interest. */
const axed: readonly string[] = ["light, phone", "dark, desk"];

const sizes = { wall: { width: 1920, height: 1080 }, narrow: { width: 320, height: 640 }, phone: { width: 360, height: 740 }, tablet: { width: 820, height: 1180 }, desk: { width: 1440, height: 900 } };

/** As long as a name may be, with no place for a line break. */
const long = "Wolkenkuckucksheim".repeat(5).slice(0, 80);

// A kitchen of its own, so that its screens show the same whatever other tests have left: names and prices as long as they may be.
const flavours = [["red-velvet", "Red velvet"], ["lemon", "Lemon"], ["carrot", "Carrot"], ["long", long], ["words", "Wolkenkuckucksheim ".repeat(5).slice(0, 80).trim()]] as const;
const kitchen = `remakes: {max: 1}
open: {pieces: 0}
menu:
  currency: EUR
  message: 999.99
  flavours:
${flavours.map(([code, name]) => `    - {code: ${code}, name: ${name}, allergens: [${code === "carrot" ? "nuts, " : ""}egg, milk, wheat], surcharge: 999.99}\n`).join("")}  sizes:
${(["S", "M", "L", "XL"] as const).map((code) => `    - {code: ${code}, label: ${long}, grams: 999, price: 9999.99}\n`).join("")}`;

test.use({ kitchen: [kitchen, { scope: "worker" }] });

/** Leaves at a stage what makes its board widest: an order of everything in hand, and tickets of one flavour, of which some wait and some are in hand, so that both can be done together. */
async function crowd(factory: Factory, stage: keyof typeof route): Promise<void> {
  const lines = (quantity: number) => flavours.flatMap(([flavour]) => (["S", "M", "L", "XL"] as const).map((size) => ({ flavour, size, quantity, message: "W".repeat(40) })));
  const all = await Promise.all([lines(500), ...Array.from({ length: 4 }, () => lines(1).filter(({ flavour }) => flavour === "long"))].map(async (of) => {
    const { id } = await factory.place({ customer: { name: long }, lines: of, allergies: ["nuts", long], allergyConfirmed: true, notes: long.repeat(6) });
    await factory.work(id, ...route[stage]);
    await factory.untilWaitingFor(id, stage);
    return id;
  }));
  for (const i of [0, 1, 2]) await factory.ack(staff[stage], `${all[i] ?? ""}.${stage}.1`, { kind: "started" });
}

const route = { mix: [], bake: ["mix"], decorate: ["mix", "bake"], package: ["mix", "bake", "decorate"] } as const satisfies Partial<Record<Stage, readonly Stage[]>>;

/** Every screen, with content, and with names as long as they may be. */
async function screens(factory: Factory) {
  await Promise.all((["mix", "bake", "decorate", "package"] as const).map((stage) => crowd(factory, stage)));
  const { id } = await factory.place({
    customer: { name: long },
    lines: [{ flavour: "red-velvet", size: "L", quantity: 12, message: "W".repeat(40) }, { flavour: "carrot", size: "S", quantity: 30 }],
    allergies: ["nuts", long], allergyConfirmed: true, notes: `ring the bell ${long.repeat(5)}`,
  });
  const packaged = await factory.place({ customer: { name: long }, lines: [{ flavour: "lemon", size: "M", quantity: 6 }] });
  await factory.work(packaged.id, "mix", "bake", "decorate", "package");
  const packaging = await factory.place({ customer: { name: long }, lines: [{ flavour: "lemon", size: "M", quantity: 6, message: "W".repeat(40) }] });
  await factory.work(packaging.id, "mix", "bake", "decorate");
  await factory.untilWaitingFor(packaging.id, "package");
  await factory.work(id, "mix");
  await factory.ack(staff.bake, `${id}.bake.1`, { kind: "failed", reason: "equipment", note: long.repeat(3) });
  // One question that stands alone, and two of one kind.
  for (const reason of ["wrong-order", "burnt", "burnt"]) {
    const asking = await factory.place({ customer: { name: long } });
    for (const pass of [1, 2]) await factory.ack(staff.mix, `${asking.id}.mix.${pass}`, { kind: "failed", reason, scrapped: 6 });
    await factory.untilState(asking.id, "needs-attention");
  }
  return [
    { name: "order", path: "/", person: undefined, ready: (page: Page) => page.getByRole("button", { name: /^Red velvet/ }) },
    { name: "tracking", path: `/orders/${id}`, person: undefined, ready: (page: Page) => page.getByText("What you ordered") },
    { name: "sign-in", path: "/sign-in", person: undefined, ready: (page: Page) => page.getByText("This factory is for trying things out.") },
    { name: "mix", path: "/stations/mix", person: staff.mix, ready: (page: Page) => page.getByRole("article").first() },
    { name: "bake", path: "/stations/bake", person: staff.bake, ready: (page: Page) => page.getByRole("article").first() },
    { name: "decorate", path: "/stations/decorate", person: staff.decorate, ready: (page: Page) => page.getByRole("article").first() },
    { name: "package", path: "/stations/package", person: staff.package, ready: (page: Page) => page.getByRole("article").first() },
    { name: "dashboard", path: "/dashboard", person: staff.manager, ready: (page: Page) => page.getByText("Why work failed") },
    { name: "attention", path: "/attention", person: staff.manager, ready: (page: Page) => page.getByRole("article", { name: /^2 orders/ }) },
    { name: "overview", path: "/kitchen", ready: (page: Page) => page.getByRole("region", { name: "Mix" }).getByRole("listitem").first() },
    { name: "standing orders", path: "/standing", person: staff.manager, ready: (page: Page) => page.getByRole("form") },
    { name: "counter", path: "/counter", person: staff.manager, ready: (page: Page) => page.getByRole("region", { name: "Ready to collect" }).getByRole("listitem").first() },
    { name: "wall", path: "/wall", ready: (page: Page) => page.getByRole("region", { name: "Ready to collect" }).getByRole("listitem").first() },
    { name: "find", path: "/find", person: staff.manager, ready: (page: Page) => page.getByRole("list", { name: "Orders" }).getByRole("link").first() },
    { name: "found", path: `/find/${id}`, person: staff.manager, ready: (page: Page) => page.getByRole("region", { name: "What happened" }).getByRole("listitem").first() },
    { name: "history without a ledger", path: "/history", person: staff.manager, ready: (page: Page) => page.getByText("This bakery has no ledger") },
    { name: "sheet", path: "/sheet", person: staff.manager, ready: (page: Page) => page.getByRole("heading", { name: "By flavour" }) },
    { name: "no such order", path: "/orders/none", person: undefined, ready: (page: Page) => page.getByText("There is no such order") },
    { name: "not found", path: "/cellar", person: undefined, ready: (page: Page) => page.getByText("There is no such page") },
  ];
}

test("every screen fits a phone, a tablet, a desk and a wall, and axe has no complaints in either theme", async ({ desk, factory }) => {
  test.setTimeout(600_000); // there are many screens
  for (const screen of await screens(factory)) {
    const complaints: string[] = [];
    const page = await desk.open(screen.path, screen.person, { reducedMotion: "reduce" });
    await expect(screen.ready(page)).toBeVisible();
    await expect(page.locator("main :is(h1, h2):not(.visually-hidden)").first(), "its heading is visible at once").toBeInViewport();
    await page.evaluate(axe);
    for (const [size, viewport] of Object.entries(sizes)) {
      await page.setViewportSize(viewport);
      for (const theme of ["light", "dark"]) {
        await page.evaluate((chosen) => (document.documentElement.dataset["theme"] = chosen), theme);
        // Tickets that are not laid out yet would keep the old theme's colours, and
        // colours in transition are not what is tested.
        await page.evaluate(() => {
          document.querySelectorAll<HTMLElement>(".ticket-place").forEach((place) => { place.style.contentVisibility = "visible"; });
          document.getAnimations().forEach((animation) => { animation.cancel(); });
        });
        const where = `${screen.name}, ${theme}, ${size}`;
        const excess = await page.evaluate(() => document.documentElement.scrollWidth - document.documentElement.clientWidth);
        if (excess > 0) complaints.push(`${where}: ${excess} px too wide`);
        if (!axed.includes(`${theme}, ${size}`)) continue;
        const results = await page.evaluate(() => (globalThis as unknown as { axe: { run: () => Promise<AxeResults> } }).axe.run());
        for (const violation of results.violations) {
          complaints.push(`${where}: ${violation.id}, ${violation.help}: ${violation.nodes.map((node) => node.html).slice(0, 3).join(" · ")}`);
        }
      }
    }
    await page.context().close();
    expect.soft(complaints, screen.name).toEqual([]);
  }
});

test("the theme that somebody has chosen stays", async ({ desk }) => {
  const page = await desk.open("/", undefined, { colorScheme: "light" });
  await page.getByRole("button", { name: "Use the dark theme" }).click();
  await page.reload();
  await expect(page.locator("html")).toHaveAttribute("data-theme", "dark");
  await expect(page.getByRole("button", { name: "Use the light theme" })).toBeVisible();
});

test("pages come with their fonts, and ask nobody but this server", async ({ desk, factory }) => {
  const page = await desk.open("/");
  const asked: string[] = [];
  page.on("request", (request) => asked.push(request.url()));
  await page.reload();
  await expect(page.getByRole("button", { name: /^Red velvet/ })).toBeVisible();
  await page.evaluate(() => document.fonts.ready);
  const shown = await page.evaluate(() => [...document.fonts].filter(({ status }) => status === "loaded").map(({ family }) => family.replaceAll('"', "")));
  expect(shown).toEqual(expect.arrayContaining(["Figtree", "Fraunces"]));
  expect(asked.filter((address) => address.endsWith(".woff2")).length).toBeGreaterThan(0);
  expect(asked.filter((address) => new URL(address).origin !== factory.url)).toEqual([]);
  const notices = await (await page.request.get("/third-party-notices.txt")).text();
  for (const font of ["figtree", "fraunces"]) expect(notices).toMatch(new RegExp(`@fontsource.*/${font} `));
  expect(notices).toContain("SIL Open Font License");
});

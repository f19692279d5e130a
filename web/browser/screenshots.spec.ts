import { spawn } from "node:child_process";
import { existsSync, mkdirSync, mkdtempSync, readFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join, resolve } from "node:path";
import type { Page } from "@playwright/test";
import { staff, until } from "./factory";
import { choose, expect, test, ticket } from "./test";

const into = resolve(import.meta.dirname, "../../docs/screenshots");

const desktop = { width: 1280, height: 800 };
const tablet = { width: 1180, height: 820 };
const phone = { width: 390, height: 844 };

async function take(page: Page, name: string, isWhole = true): Promise<void> {
  mkdirSync(into, { recursive: true });
  await page.evaluate(() => { scrollTo(0, 0); });
  await page.screenshot({ path: `${into}/${name}.png`, fullPage: isWhole, animations: "disabled" });
  await page.context().close();
}

test("pictures of every screen", async ({ desk, factory }) => {

  // Before anything happens, and while it loads.
  const idle = async (path: string, person?: (typeof staff)[keyof typeof staff]) => desk.open(path, person, { viewport: tablet, reducedMotion: "reduce" });
  await take(await idle("/stations/mix", staff.mix), "empty-station", false);
  await take(await idle("/attention", staff.manager), "empty-attention", false);
  await take(await idle("/dashboard", staff.manager), "empty-dashboard", false);
  await take(await idle("/orders/01936f8e-5c1a-7d3b-9f00-000000000001"), "no-such-order", false);
  await take(await idle("/cellar"), "not-found", false);
  const loading = await idle("/sign-in");
  await loading.route("**/api/v1/menu", () => new Promise(() => undefined));
  await loading.goto("/");
  await expect(loading.getByText("Loading the menu …")).toBeAttached();
  await take(loading, "loading-order", false);

  // A kitchen at work: orders at every stage, some that failed, some that are ready.
  const menu = ["red-velvet", "chocolate", "lemon", "strawberry", "carrot", "salted-caramel", "vanilla", "coffee-walnut"];
  const names = ["Ada", "Grace", "Linus", "Мира", "Kwame", "Zoë", "Omar", "Ines"];
  const messages = ["Happy 40th", "Congratulations 🎉", "Thank you!", "Get well soon 🌷", "مبروك", "Love", "", "1 : 0"];
  const place = (i: number, more: object = {}) =>
    factory.place({
      customer: { name: names[i % 8] ?? "Ada" },
      lines: [
        { flavour: menu[i % 8] ?? "lemon", size: "L", quantity: 6 + ((i * 5) % 19), ...(messages[i % 8] && { message: messages[i % 8] }) },
        { flavour: menu[(i + 3) % 8] ?? "lemon", size: "M", quantity: 4 + (i % 5) },
      ],
      ...more,
    });
  const done = [];
  for (let i = 0; i < 7; i++) done.push(await place(i));
  for (const { id } of done) await factory.work(id, "mix", "bake", "decorate", "package");
  for (const i of [1, 4, 6]) await factory.work((await place(i)).id, "mix", "bake", "decorate");
  const nutty = await place(2, { allergies: ["nuts", "soya"], notes: "No candles, please: the hall has smoke detectors." });
  await factory.work(nutty.id, "mix", "bake");
  for (const i of [3, 5]) await factory.work((await place(i)).id, "mix", "bake");
  const followed = await place(0, { customer: { name: "Ada" }, lines: [{ flavour: "red-velvet", size: "L", quantity: 12, message: "Happy 40th" }], allergies: ["nuts"], notes: "ring the bell" });
  await factory.work(followed.id, "mix");
  await factory.untilWaitingFor(followed.id, "bake");
  await factory.ack(staff.bake, `${followed.id}.bake.1`, { kind: "started" });
  const burnt = await place(7);
  await factory.work(burnt.id, "mix");
  await factory.untilWaitingFor(burnt.id, "bake");
  await factory.ack(staff.bake, `${burnt.id}.bake.1`, { kind: "failed", reason: "burnt", note: "oven 2", scrapped: 28 });
  for (const i of [2, 5]) {
    const { id } = await place(i);
    await factory.work(id, "mix");
    for (const pass of [1, 2]) {
      if (pass > 1) await factory.work(id, "mix");
      await factory.ack(staff.bake, `${id}.bake.${pass}`, { kind: "failed", reason: pass === 1 ? "dropped" : i === 2 ? "burnt" : "wrong-order", note: "oven 2", scrapped: 12 });
    }
    await factory.untilState(id, "needs-attention");
  }
  const gone = await place(1);
  await factory.work(gone.id, "mix", "bake");
  await factory.untilWaitingFor(gone.id, "decorate");
  await fetch(`${factory.url}/api/v1/orders/${gone.id}/cancel`, { method: "POST", headers: { "Content-Type": "application/json" }, body: JSON.stringify({ reason: "the party is off" }) });

  for (const theme of ["light", "dark"] as const) {
    const open = async (path: string, viewport: typeof phone, person?: (typeof staff)[keyof typeof staff]) => desk.open(path, person, { viewport, colorScheme: theme, deviceScaleFactor: 1.5, reducedMotion: "reduce" });
    for (const [size, viewport] of [["desk", desktop], ["phone", phone]] as const) {
      const order = await open("/", viewport);
      await choose(order, "Strawberry");
      await order.getByLabel("Message on each").fill("Happy 40th");
      await order.getByRole("button", { name: "Add to basket" }).click();
      await order.getByLabel("Name", { exact: true }).fill("Grace");
      await take(order, `order-${size}-${theme}`, false);
      const tracking = await open(`/orders/${followed.id}`, viewport);
      await expect(tracking.getByText("bob is baking")).toBeVisible();
      await expect(tracking.getByText("is not answering"), "Temporal may be slow while so much happens").toBeHidden();
      await take(tracking, `tracking-${size}-${theme}`);
    }
    const signIn = await open("/sign-in", tablet);
    await expect(signIn.getByText("This factory is for trying things out.")).toBeVisible();
    await take(signIn, `sign-in-${theme}`);
    for (const stage of ["mix", "bake", "decorate", "package"] as const) {
      const board = await open(`/stations/${stage}`, tablet, staff[stage]);
      await expect(board.getByRole("article").first()).toBeVisible();
      const start = board.getByRole("region", { name: "Waiting" }).getByRole("article").getByRole("button", { name: "Start" }).first();
      if ((await board.getByRole("region", { name: "Mine" }).getByRole("article").count()) === 0 && (await start.count()) > 0) {
        await start.click();
        await expect(board.getByRole("region", { name: "Mine" }).getByRole("article").first()).toBeVisible();
        await board.getByTitle("Press to close").click(); // the message would hide the masthead
      }
      await take(board, `station-${stage}-${theme}`, false);
    }
    const dashboard = await open("/dashboard", desktop, staff.manager);
    await expect(dashboard.getByText("Burnt").first()).toBeVisible();
    await take(dashboard, `dashboard-${theme}`);
    const attention = await open("/attention", tablet, staff.manager);
    await expect(attention.getByRole("article")).toHaveCount(2);
    await attention.getByText("What happened").first().click();
    await take(attention, `attention-${theme}`);
    const counter = await open("/counter", desktop, staff.manager);
    await expect(counter.getByRole("region", { name: "Ready to collect" }).getByRole("listitem").first()).toBeVisible();
    await take(counter, `counter-${theme}`, false);
    const wall = await open("/wall", { width: 1920, height: 1080 });
    await expect(wall.getByRole("region", { name: "Ready to collect" }).getByRole("listitem").first()).toBeVisible();
    await take(wall, `wall-${theme}`, false);
    const overview = await open("/kitchen", desktop);
    await expect(overview.getByRole("region", { name: "Mix" }).getByRole("listitem").first()).toBeVisible();
    await take(overview, `overview-${theme}`, false);
    const find = await open("/find", desktop, staff.manager);
    await expect(find.getByRole("list", { name: "Orders" }).getByRole("link").first()).toBeVisible();
    await take(find, `find-${theme}`, false);
    const found = await open(`/find/${burnt.id}`, desktop, staff.manager);
    await expect(found.getByRole("region", { name: "What happened" }).getByRole("listitem").first()).toBeVisible();
    await take(found, `found-${theme}`);
    const sheet = await open("/sheet", desktop, staff.manager);
    await expect(sheet.getByRole("heading", { name: "By flavour" })).toBeVisible();
    await take(sheet, `sheet-${theme}`);
    const standing = await open("/standing", desktop, staff.manager);
    await expect(standing.getByRole("form")).toBeVisible();
    await take(standing, `standing-${theme}`);
    const failing = await open("/stations/bake", tablet, staff.bake);
    await ticket(failing, followed.pickupCode).getByRole("button", { name: "Failed …" }).click();
    await take(failing, `failure-${theme}`, false);
  }

  // When parts are away.
  const behind = await idle("/stations/bake", staff.bake);
  await expect(behind.getByRole("article").first()).toBeVisible();
  const cut = await idle("/stations/bake", staff.bake);
  await expect(cut.getByRole("article").first()).toBeVisible();
  await factory.kill("kafka");
  await expect(behind.getByText(/Behind since/)).toBeVisible();
  await take(behind, "behind-station", false);
  await factory.kill("api");
  await expect(cut.getByText(/No connection since/)).toBeVisible();
  await take(cut, "disconnected-station", false);
});

// Only the demonstration has days behind it.
test("pictures of the history", async ({ browser }) => {
  const dir = mkdtempSync(join(tmpdir(), "cupcakery-history-"));
  const ready = join(dir, "ready.json");
  const ports = ["api", "metrics", "temporal", "temporal-ui", "kafka", "postgres"].flatMap((part) => [`--${part}-port`, "0"]);
  const demo = spawn(resolve(import.meta.dirname, "../../bin/cupcakery"), ["dev", "--demo", "--ephemeral", "--ledger", "--ready-file", ready, ...ports], { stdio: "ignore" });
  try {
    const { api } = await until("the demonstration is ready", () => Promise.resolve(existsSync(ready) && (JSON.parse(readFileSync(ready, "utf8")) as { api: string })));
    for (const theme of ["light", "dark"] as const) {
      for (const [name, address, title] of [["history", "/history?range=7", "When it is slow"], ["history-day", `/history?day=${new Date(Date.now() - 86_400_000).toISOString().slice(0, 10)}`, "People at work"]] as const) {
        const context = await browser.newContext({ baseURL: api, viewport: { width: 1280, height: 910 }, colorScheme: theme, deviceScaleFactor: 1.5, reducedMotion: "reduce" });
        expect((await context.request.post("/api/v1/session", { data: staff.manager })).ok()).toBe(true);
        const page = await context.newPage();
        await page.goto(address);
        await until("the ledger has read the days before", async () => {
          await page.reload();
          await expect(page.getByRole("region", { name: title, exact: true }).getByText(/^As of/)).toBeVisible();
          return (await page.getByText(/^\d+ % of the orders were late|Compared with/).count()) > 0;
        });
        await take(page, `${name}-${theme}`, false);
      }
    }
  } finally {
    const ended = new Promise((done) => demo.once("exit", done));
    demo.kill("SIGINT");
    await ended;
  }
});

import { spawn } from "node:child_process";
import { once } from "node:events";
import { resolve } from "node:path";
import type { Page } from "@playwright/test";
import { freePort, staff, until, type Factory } from "./factory";
import { expect, test } from "./test";

// A factory of its own: its screens turn their pages, and the orders of other tests would make more of them.
test.use({ kitchen: ["# wall\nremakes: {max: 1}\n", { scope: "worker" }] });

const board = (page: Page, name: "In the making" | "Ready to collect") => page.getByRole("region", { name });
const codes = (page: Page, name: "In the making" | "Ready to collect") => board(page, name).getByRole("listitem");

/** An API without demo staff beside the factory's, with a token for the screen on the wall. */
async function apiWith(factory: Factory, token: string, port: number) {
  const args = ["api", "--listen", `127.0.0.1:${port}`, "--metrics-listen", "127.0.0.1:0", "--kafka-brokers", factory.kafka, "--temporal-address", factory.temporal];
  const api = spawn(resolve(import.meta.dirname, "../../bin/cupcakery"), args, { env: { ...process.env, CUPCAKERY_SECRET: "5f2d8c1e9a7b4036", ...(token && { CUPCAKERY_COUNTER_TOKEN: token }) } });
  let log = "";
  api.stderr.on("data", (data: Buffer) => (log += data.toString()));
  const url = `http://127.0.0.1:${port}`;
  await until("the second API is ready", async () => {
    if (api.exitCode !== null) throw new Error(log);
    return (await fetch(`${url}/readyz`).catch(() => undefined))?.ok;
  });
  const end = async () => {
    const ended = once(api, "exit");
    api.kill("SIGTERM");
    await ended;
  };
  return { url, end, log: () => log };
}

test("the link opens the screen and nothing else, until the token is another one", async ({ browser, factory }) => {
  const token = "a-token-9f3c1d7e5b";
  const { pickupCode } = await factory.place({ customer: { name: "Ada Lovelace" } });
  const port = await freePort();
  let api = await apiWith(factory, token, port);
  const context = await browser.newContext({ viewport: { width: 1920, height: 1080 } });
  const sent: string[] = [];
  try {
    const page = await context.newPage();
    page.on("request", (request) => sent.push(`${request.url()} ${request.headers()["referer"] ?? ""}`));
    await page.goto(`${api.url}/wall`);
    await expect(page.getByText("This screen is not switched on")).toBeVisible();
    await page.goto(`${api.url}/wall#another-token-0123456789`);
    await expect(page.getByText("This link does not open the screen")).toBeVisible();
    await page.goto(`${api.url}/wall#${token}`);
    await expect(board(page, "In the making")).toContainText(pickupCode);
    await expect(page).toHaveURL(`${api.url}/wall`);
    await expect(page.getByRole("navigation")).toHaveCount(0);
    await expect(page.getByRole("link")).toHaveCount(0);
    await page.reload();
    await expect(board(page, "In the making"), "the browser knows it from now on").toContainText(pickupCode);
    expect(sent.filter((each) => each.includes(token)), "no address and no referrer has the token").toEqual([]);
    for (const path of ["/api/v1/kitchen/ready", "/api/v1/orders", "/api/v1/stations", "/api/v1/wall"]) {
      expect((await context.request.get(`${api.url}${path}`)).ok(), path).toBe(false);
    }
    expect(api.log()).not.toContain(token);

    await api.end();
    await expect(page.getByText("Not up to date since")).toBeVisible();
    await expect(board(page, "In the making"), "what was known stays").toContainText(pickupCode);
    api = await apiWith(factory, "the-next-token-4b8e2a6c", port);
    await expect(page.getByText("This screen is not switched on")).toBeVisible();
    await expect(page.getByText(pickupCode)).toBeHidden();
  } finally {
    await context.close();
    await api.end();
  }
});

interface Sounds {
  tones: number;
  /** Whether a device plays what the page wants to be heard. */
  hasDevice: boolean;
}

/**
 * Gives a page sounds that are the same on every machine: those of a browser that lets
 * nothing be played before a touch, and whose clock goes only while a device plays.
 */
async function listen(page: Page) {
  await page.addInitScript(() => {
    const sounds: Sounds = { tones: 0, hasDevice: true };
    Object.assign(globalThis, { sounds });
    const param = { value: 0, setValueAtTime: () => undefined, exponentialRampToValueAtTime: () => undefined };
    const node = { frequency: param, gain: param, connect: (next: unknown) => next, start: () => undefined, stop: () => undefined };
    class FakeContext extends EventTarget {
      state = "suspended";
      readonly destination = node;
      #played = 0;
      get currentTime() {
        if (this.state === "running" && sounds.hasDevice) this.#played += 0.1;
        return this.#played;
      }
      async resume() {
        if (!navigator.userActivation.hasBeenActive) await new Promise(() => undefined);
        if (this.state === "running") return;
        this.state = "running";
        this.dispatchEvent(new Event("statechange"));
      }
      createGain() { return node; }
      createOscillator() {
        sounds.tones++;
        return node;
      }
    }
    Object.assign(globalThis, { AudioContext: FakeContext });
  });
  await page.reload();
  return {
    tones: async () => page.evaluate(() => (globalThis as unknown as { sounds: Sounds }).sounds.tones),
    plug: async (isIn: boolean) => page.evaluate((has) => { (globalThis as unknown as { sounds: Sounds }).sounds.hasDevice = has; }, isIn),
  };
}

test("an order that becomes ready is heard once, is shown with a first name only, and goes away when it is collected", async ({ desk, factory }) => {
  const order = await factory.place({ customer: { name: "Ada Lovelace" } });
  const page = await desk.open("/wall", undefined, { viewport: { width: 1920, height: 1080 } });
  const { tones } = await listen(page);
  await expect(codes(page, "In the making").filter({ hasText: order.pickupCode }), "nobody is called yet").toHaveText(order.pickupCode);
  const sound = page.getByRole("button", { name: "Turn on sound" });
  await sound.click();
  await expect(sound).toBeHidden();
  const before = await tones();
  expect(before, "who has turned it on hears that it works").toBeGreaterThan(0);
  await factory.work(order.id, "mix", "bake", "decorate", "package");
  const ready = board(page, "Ready to collect").getByRole("listitem").filter({ hasText: order.pickupCode });
  await expect(ready).toHaveText(`${order.pickupCode}Ada`);
  await expect.poll(tones).toBe(2 * before);
  await expect(board(page, "In the making").getByText(order.pickupCode)).toBeHidden();
  await factory.untilState(order.id, "shipped");
  const counter = await desk.open("/counter", staff.package);
  await counter.getByLabel("Find by code or name").fill(order.pickupCode.slice(0, 3).toLowerCase());
  await counter.getByRole("button", { name: `${order.pickupCode} is collected` }).click();
  await expect(ready).toHaveCount(0);
  expect(await tones(), "nothing is heard of that").toBe(2 * before);
});

test("where no device plays sounds nobody is asked for ever to turn them on, and one that comes later is heard", async ({ desk, factory }) => {
  const page = await desk.open("/wall", undefined, { viewport: { width: 1920, height: 1080 } });
  const { tones, plug } = await listen(page);
  await plug(false);
  const sound = page.getByRole("button", { name: "Turn on sound" });
  await sound.click();
  await expect(page.getByText("This device plays no sound")).toBeVisible();
  await expect(sound).toBeHidden();
  const before = await tones();
  await plug(true);
  const { id } = await factory.place();
  await factory.work(id, "mix", "bake", "decorate", "package");
  await expect.poll(tones).toBe(2 * before);
  await expect(page.getByText("This device plays no sound")).toBeHidden();
  await expect(sound).toBeHidden();
});

test("a full screen turns its pages by itself, and shows every order", async ({ desk, factory }) => {
  const placed: string[] = [];
  for (let i = 0; i < 14; i++) placed.push((await factory.place()).pickupCode);
  const page = await desk.open("/wall", undefined, { viewport: { width: 1280, height: 560 } });
  const pages = board(page, "In the making").getByText(/^Page \d+ of \d+$/);
  await expect(pages).toHaveText(/^Page \d+ of (?:[2-9]|\d{2,})$/);
  const seen = new Set<string>();
  await until("every order was seen", async () => {
    for (const text of await codes(page, "In the making").allTextContents()) seen.add(text);
    return placed.every((code) => seen.has(code));
  });
  const overflow = await page.evaluate(() => document.documentElement.scrollHeight > innerHeight || document.documentElement.scrollWidth > innerWidth);
  expect(overflow, "nobody can scroll it").toBe(false);
});

test("a manager copies the link at the counter", async ({ desk }) => {
  const page = await desk.open("/counter", staff.manager, { permissions: ["clipboard-read", "clipboard-write"] });
  await page.getByRole("button", { name: "Copy the link" }).click();
  await expect(page.getByText("Copied")).toBeVisible();
  expect(await page.evaluate(() => navigator.clipboard.readText())).toBe(new URL("/wall", page.url()).href);
  const other = await desk.open("/counter", staff.package);
  await expect(other.getByRole("heading", { name: "Hand out" })).toBeVisible();
  await expect(other.getByRole("button", { name: "Copy the link" })).toHaveCount(0);
});

import type { Page } from "@playwright/test";
import { staff } from "./factory";
import { expect, test } from "./test";

/** What Chromium says of the app that it could install from a page. */
async function appOf(page: Page) {
  const devtools = await page.context().newCDPSession(page);
  const { url, errors, data } = await devtools.send("Page.getAppManifest");
  const { installabilityErrors } = await devtools.send("Page.getInstallabilityErrors");
  await devtools.detach();
  return { url, errors, manifest: JSON.parse(data ?? "null") as { start_url: string; icons: readonly { src: string; sizes: string; type: string }[] } | null, faults: installabilityErrors.map((fault) => fault.errorId) };
}

test("the shop and the kitchen can be installed, each as an app of its own that starts at its own page", async ({ desk }) => {
  for (const { path, person, manifest, start } of [
    { path: "/", person: undefined, manifest: "/manifest.webmanifest", start: "/" },
    { path: "/sign-in", person: undefined, manifest: "/staff.webmanifest", start: "/work" },
    { path: "/stations/bake", person: staff.bake, manifest: "/staff.webmanifest", start: "/work" },
  ]) {
    const page = await desk.open(path, person);
    await expect(page.locator("h1")).toBeVisible();
    const app = await appOf(page);
    expect(new URL(app.url).pathname, path).toBe(manifest);
    expect(app.errors, "Chromium finds no fault in the manifest").toEqual([]);
    expect(app.faults.filter((fault) => fault !== "in-incognito"), "only that a test's browser is a private one").toEqual([]);
    expect(app.manifest?.start_url).toBe(start);
    expect((await page.request.get(manifest)).headers()["content-type"]).toBe("application/manifest+json");
    for (const { src, sizes, type } of app.manifest?.icons ?? []) {
      const icon = await page.request.get(src);
      expect(icon.headers()["content-type"], src).toBe(type);
      if (type !== "image/png") continue;
      const picture = await icon.body(); // width and height stand at the beginning
      expect(`${picture.readUInt32BE(16)}x${picture.readUInt32BE(20)}`, src).toBe(sizes);
    }
  }
});

test("an installed app of the staff starts at their work, or at the sign-in", async ({ desk }) => {
  await expect(await desk.open("/work", staff.bake)).toHaveURL(/\/stations\/bake$/);
  await expect(await desk.open("/work", staff.manager)).toHaveURL(/\/dashboard$/);
  await expect(await desk.open("/work")).toHaveURL(/\/sign-in$/);
});

for (const path of ["/stations/bake", "/counter", "/wall"]) test(`${path} keeps the screen on while it is in sight, and can have all of it`, async ({ desk }) => {
  const page = await desk.open("/sign-in", staff.bake);
  await page.addInitScript(() => {
    const held: WakeLockSentinel[] = [];
    Object.assign(window, { held });
    const request = navigator.wakeLock.request.bind(navigator.wakeLock);
    navigator.wakeLock.request = async (type) => {
      const lock = await request(type);
      held.push(lock);
      return lock;
    };
  });
  await page.goto(path);
  const locks = () => page.evaluate(() => (window as unknown as { held: readonly WakeLockSentinel[] }).held.map((lock) => lock.released));
  await expect.poll(locks).toEqual([false]);
  // As a browser does with a page that goes out of sight and comes back.
  await page.evaluate(async () => {
    await (window as unknown as { held: readonly WakeLockSentinel[] }).held[0]?.release();
    document.dispatchEvent(new Event("visibilitychange"));
  });
  await expect.poll(locks).toEqual([true, false]);

  const fullScreen = page.getByRole("button", { name: "Full screen" });
  await fullScreen.click();
  await expect(fullScreen).toHaveAttribute("aria-pressed", "true");
  await fullScreen.click();
  await expect(fullScreen).toHaveAttribute("aria-pressed", "false");

  await page.goto("/sign-in");
  await expect(page.getByRole("heading", { name: "Staff sign-in" })).toBeVisible();
  expect(await locks(), "other pages ask for nothing").toEqual([]);
});

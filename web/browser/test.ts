import { test as base, expect, type BrowserContext, type Page } from "@playwright/test";
import { Factory, type Person } from "./factory";

interface Desk {
  /** Opens a new browser; a person is signed in. */
  readonly open: (path: string, person?: Person, options?: Parameters<import("@playwright/test").Browser["newContext"]>[0]) => Promise<Page>;
}

/** What the tests use: a factory for all tests of a worker, with the kitchen file that they want, and browsers. */
export const test = base.extend<{ desk: Desk }, { factory: Factory; kitchen: string; apiArgs: readonly string[]; hasLedger: boolean }>({
  // With one remake an order soon needs a decision.
  kitchen: ["remakes: {max: 1}\n", { option: true, scope: "worker" }],
  apiArgs: [[], { option: true, scope: "worker" }],
  // It takes a PostgreSQL.
  hasLedger: [false, { option: true, scope: "worker" }],
  factory: [
    async ({ kitchen, apiArgs, hasLedger }, give) => {
      const factory = new Factory(kitchen, apiArgs, hasLedger);
      try {
        await factory.start();
        await give(factory);
      } finally {
        await factory.stop();
      }
    },
    { scope: "worker", timeout: 240_000 },
  ],
  desk: async ({ browser, factory }, give) => {
    const contexts: BrowserContext[] = [];
    const complaints: string[] = [];
    await give({
      async open(path, person, options = {}) {
        const context = await browser.newContext({ baseURL: factory.url, viewport: { width: 1180, height: 820 }, ...options });
        contexts.push(context);
        const page = await context.newPage();
        // Errors in scripts and violations of the policy fail the test.
        page.on("pageerror", (error) => complaints.push(`${path}: ${error.message}`));
        page.on("console", (message) => {
          if (/Content Security Policy|Refused to/.test(message.text())) complaints.push(`${path}: ${message.text()}`);
        });
        if (person) {
          const answer = await context.request.post("/api/v1/session", { data: person });
          expect(answer.ok(), await answer.text()).toBe(true);
        }
        await page.goto(path);
        return page;
      },
    });
    for (const context of contexts) await context.close();
    expect(complaints).toEqual([]);
  },
});

export { expect };

/** A ticket's card on a board. */
export function ticket(page: Page, code: string) {
  return page.getByRole("article", { name: `Ticket ${code}` });
}

/** A group of tickets on a board. */
export function group(page: Page, name: "Waiting" | "Mine" | "With others" | "Just done") {
  return page.getByRole("region", { name });
}

/** The tickets that ended last, once there is one: opens their drawer. */
export async function justDone(page: Page) {
  const region = group(page, "Just done");
  await region.locator("summary").click();
  return region;
}

/** Does the same on several pages, lets their requests go only once all are there, and returns the statuses of the answers. */
export async function atOnce(pages: readonly Page[], url: RegExp, act: (page: Page) => Promise<void>): Promise<readonly number[]> {
  let open: () => void = () => undefined;
  const all = new Promise<void>((arrived) => (open = arrived));
  let requests = 0;
  for (const page of pages) {
    await page.route(url, async (route) => {
      if (++requests === pages.length) open();
      await all;
      await route.continue();
    });
  }
  const answers = pages.map((page) => page.waitForResponse(url));
  await Promise.all(pages.map(act));
  return (await Promise.all(answers)).map((answer) => answer.status());
}

/** Opens the dialog in which a cupcake of the flavour is composed. */
export async function choose(page: Page, flavour = "Red velvet"): Promise<void> {
  await page.getByRole("region", { name: "Choose a flavour" }).getByRole("button", { name: new RegExp(`^${flavour}`) }).click();
  await expect(page.getByRole("dialog", { name: flavour })).toBeVisible();
}

/** Puts six medium cupcakes of the flavour into the basket. */
export async function addToBasket(page: Page, flavour = "Red velvet"): Promise<void> {
  await choose(page, flavour);
  await page.getByRole("button", { name: "Add to basket" }).click();
  await expect(page.getByRole("dialog")).toBeHidden();
}

/**
 * Opens a page on which a slip of the finger can be taken back, and a message read, for as long as
 * the test needs, however slow the machine is: until hurry is called, then as long as for people.
 */
export async function openUnhurried(desk: Desk, path: string, person: Person): Promise<{ readonly page: Page; readonly hurry: () => Promise<void> }> {
  const page = await desk.open("/sign-in", person);
  await page.addInitScript(() => {
    const begin = globalThis.setTimeout.bind(globalThis);
    const pace = { isUnhurried: true };
    const setTimeout = (act: () => void, after?: number, ...rest: unknown[]) => begin(act, pace.isUnhurried && (after === 5000 || after === 8000) ? 3_600_000 : after, ...rest);
    Object.assign(globalThis, { pace, setTimeout });
  });
  await page.goto(path);
  const hurry = async () => page.evaluate(() => { (globalThis as unknown as { pace: { isUnhurried: boolean } }).pace.isUnhurried = false; });
  return { page, hurry };
}

/** What customers read of somebody at a station. */
export const doing = { mix: "mixing", bake: "baking", decorate: "decorating", package: "packaging" } as const;

/** The id of the order whose page is open. */
export function orderIdOf(page: Page): string {
  return new URL(page.url()).pathname.split("/").at(-1) ?? "";
}

import { staff } from "./factory";
import { showBoardOf300 } from "./many";
import { test, ticket } from "./test";

/** How long the board is left alone, in seconds. */
const idle = 20;

// It measures and asserts nothing: machines differ, and are shared.
test("a board with 300 tickets", async ({ desk }) => {
  const page = await desk.open("/sign-in", staff.bake);
  const { sentAt } = await showBoardOf300(page);
  await page.addInitScript(() => {
    const seen = globalThis as unknown as { firstTicketAt?: number };
    new MutationObserver((_, observer) => {
      if (!document.querySelector("article")) return;
      observer.disconnect();
      // Once it is painted.
      requestAnimationFrame(() => setTimeout(() => { seen.firstTicketAt = performance.timeOrigin + performance.now(); }));
    }).observe(document, { subtree: true, childList: true });
  });
  await page.goto("/stations/bake");
  await ticket(page, "K299").waitFor({ state: "attached" });
  const first = await page.waitForFunction(() => (globalThis as unknown as { firstTicketAt?: number }).firstTicketAt);
  const firstAfter = (await first.jsonValue() ?? Number.NaN) - sentAt();
  const devtools = await page.context().newCDPSession(page);
  await devtools.send("Performance.enable", { timeDomain: "threadTicks" });
  const spent = async () => {
    const { metrics } = await devtools.send("Performance.getMetrics");
    const of = (name: string) => metrics.find((metric) => metric.name === name)?.value ?? Number.NaN;
    return { task: of("TaskDuration"), layout: of("LayoutDuration") + of("RecalcStyleDuration") };
  };
  const before = await spent();
  await page.waitForTimeout(idle * 1000);
  const after = await spent();
  const percent = (seconds: number) => `${(seconds * 100 / idle).toFixed(1)} %`;
  console.log(`board of 300 tickets: first ticket painted ${firstAfter.toFixed(0)} ms after its data; idle ${percent(after.task - before.task)} of a core, of which layout and style ${percent(after.layout - before.layout)}`);
});

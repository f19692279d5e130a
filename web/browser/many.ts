import type { Page } from "@playwright/test";

/** Has the page's board show 300 tickets instead of what there is. Their data is sent at the time that is returned, in milliseconds. */
export async function showBoardOf300(page: Page): Promise<{ readonly sentAt: () => number }> {
  let sentAt = 0;
  const tickets = Array.from({ length: 300 }, (_, i) => {
    const at = new Date(Date.UTC(2026, 2, 4, 9, 0, i)).toISOString();
    return {
      ticketId: `0199c0de-7a11-7000-8000-${String(i).padStart(12, "0")}.bake.1`, kind: "make", pass: 1, attempt: 1, state: "waiting", since: at, issuedAt: at, ackBy: at,
      lines: [{ flavour: "lemon", size: "M", quantity: 6 }], allergies: ["nuts"], notes: "ring the bell", pickupCode: `K${String(i).padStart(3, "0")}`, made: false, withdrawn: false,
    };
  });
  await page.routeWebSocket(/\/api\/v1\/live$/, (socket) => {
    socket.send(JSON.stringify({ type: "state", at: "2026-03-04T09:06:00Z" }));
    socket.onMessage((message) => {
      const { type, channel } = JSON.parse(String(message)) as { type: string; channel: string };
      if (type !== "subscribe") return;
      sentAt = Date.now();
      socket.send(JSON.stringify({ type: "snapshot", channel, cursor: "e.1", board: { stage: "bake", rules: { dueSoonSeconds: 3_600, lateAfterSeconds: 3_600, overdueAfterSeconds: 7_200, reasons: [] }, at: "2026-03-04T09:06:00Z", cursor: "e.1", tickets, ended: [] } }));
    });
  });
  return { sentAt: () => sentAt };
}

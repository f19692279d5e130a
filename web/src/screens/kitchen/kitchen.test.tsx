import { QueryClientProvider } from "@tanstack/react-query";
import { fireEvent, render, screen, waitFor } from "@testing-library/react";
import { afterEach, beforeEach, expect, test, vi } from "vitest";
import { api } from "../../api/client";
import { menuQuery, newQueryClient, readyQuery } from "../../api/queries";
import type { KitchenState, ReadyOrder, Session } from "../../api/schema.gen";
import { LiveContext } from "../../live/hooks";
import { at, kitchen, menu, silentLive, ticket } from "../../testing-data";
import { HandOut } from "./HandOut";
import { KitchenDialog } from "./KitchenDialog";
import { PausedNotice } from "./Paused";
import { Rush, RushButton, RushDesk } from "./Rush";

const baker: Session = { name: "bob", role: "baker", expiresAt: at(3600) };
const manager: Session = { name: "max", role: "manager", expiresAt: at(3600) };

/** A page that follows the kitchen, whose state is this one. */
function show(children: React.ReactNode, state: Partial<KitchenState> = {}, ready: readonly ReadyOrder[] = []) {
  const live = silentLive();
  const counts = kitchen(0);
  const channel = { version: 1, kitchen: { ...counts, state: { ...counts.state, ...state } } };
  vi.spyOn(live, "follow").mockReturnValue(() => undefined);
  vi.spyOn(live, "state").mockReturnValue(channel);
  const queryClient = newQueryClient();
  queryClient.setQueryData(menuQuery.queryKey, menu());
  const list = { orders: ready, count: ready.length, today: { shipped: 0, uncollected: 0 } };
  queryClient.setQueryData(readyQuery("", 30).queryKey, list);
  const asked = vi.spyOn(api, "ready").mockResolvedValue(list);
  const page = (content: React.ReactNode) => <QueryClientProvider client={queryClient}><LiveContext value={live}><RushDesk>{content}</RushDesk></LiveContext></QueryClientProvider>;
  const { rerender } = render(page(children));
  return { asked, change: (content: React.ReactNode) => { rerender(page(content)); } };
}

const nothing: KitchenState = { soldOut: [], paused: [], uncollected: 0, readyVersion: 1 };

beforeEach(() => { vi.useFakeTimers({ now: new Date(2026, 2, 4, 9, 0), toFake: ["Date"] }); });
afterEach(() => { vi.restoreAllMocks(); vi.useRealTimers(); });

test("one touch says that a flavour is sold out, until the time that is given", () => {
  const soldOut = vi.spyOn(api, "soldOut").mockResolvedValue(nothing);
  show(<KitchenDialog session={baker} stage="bake" onClose={() => undefined} />);
  fireEvent.click(screen.getByRole("button", { name: "Lemon is sold out" }));
  expect(soldOut).toHaveBeenLastCalledWith("lemon", undefined);
  fireEvent.change(screen.getByLabelText("Sold out until"), { target: { value: "08:00" } });
  expect(screen.getByText("Until tomorrow, 8:00.")).toBeDefined();
  fireEvent.change(screen.getByLabelText("Sold out until"), { target: { value: "14:00" } });
  fireEvent.click(screen.getByRole("button", { name: "Lemon is sold out" }));
  expect(soldOut).toHaveBeenLastCalledWith("lemon", new Date(2026, 2, 4, 14, 0).toISOString());
});

test("what is sold out tells who said so, and is taken back by the same place", () => {
  const back = vi.spyOn(api, "backOnSale").mockResolvedValue(nothing);
  show(<KitchenDialog session={manager} onClose={() => undefined} />, { soldOut: [{ flavour: "lemon", by: "ann", at: at(0) }] });
  expect(screen.getByText("ann")).toBeDefined();
  fireEvent.click(screen.getByRole("button", { name: "Lemon is back" }));
  expect(back).toHaveBeenCalledWith("lemon");
});

test("each person pauses what is theirs, and a manager every station", () => {
  const pause = vi.spyOn(api, "pause").mockResolvedValue(nothing);
  show(<KitchenDialog session={baker} onClose={() => undefined} />);
  expect(screen.queryByRole("button", { name: "Pause Mix" })).toBeNull();
  fireEvent.change(screen.getByLabelText("Pause because"), { target: { value: "oven 2 is out " } });
  fireEvent.click(screen.getByRole("button", { name: "Pause Bake" }));
  expect(pause).toHaveBeenCalledWith("bake", "oven 2 is out");
});

test("a refusal is shown", async () => {
  vi.spyOn(api, "pause").mockRejectedValue(new Error("Kafka is away."));
  show(<KitchenDialog session={manager} onClose={() => undefined} />);
  fireEvent.click(screen.getByRole("button", { name: "Pause Mix" }));
  expect((await screen.findByRole("alert")).textContent).not.toBe("");
});

test("a paused station says by whom and why, and goes on at a touch", () => {
  const resume = vi.spyOn(api, "resume").mockResolvedValue(nothing);
  show(<PausedNotice paused={{ stage: "bake", by: "eve", at: at(0), reason: "oven 2 is out" }} notify={() => undefined} />);
  expect(screen.getByRole("status").textContent).toMatch(/This station is paused by eve since .*: oven 2 is out\. Nothing can be started/);
  fireEvent.click(screen.getByRole("button", { name: "Resume" }));
  expect(resume).toHaveBeenCalledWith("bake");
});

test("a rush has a reason", async () => {
  const rush = vi.spyOn(api, "rush").mockResolvedValue();
  show(<RushButton ticket={ticket()} />);
  fireEvent.click(screen.getByRole("button", { name: "Rush K7QF" }));
  fireEvent.click(screen.getByRole("button", { name: "Let it go first" }));
  expect(rush).not.toHaveBeenCalled();
  expect(screen.getByText(/Say why/)).toBeDefined();
  fireEvent.change(screen.getByLabelText("Why"), { target: { value: "the bride is at the door" } });
  fireEvent.click(screen.getByRole("button", { name: "Let it go first" }));
  expect(rush).toHaveBeenCalledWith("0199c0de-7a11-7000-8000-00000000cafe", "the bride is at the door");
  await waitFor(() => { expect(screen.queryByRole("dialog")).toBeNull(); });
});

test("an order in a rush shows why, and the way back", () => {
  const rush = vi.spyOn(api, "rush").mockResolvedValue();
  show(<Rush ticket={ticket({ rush: { by: "ann", at: at(0), reason: "the bride is at the door" } })} />);
  expect(screen.getByText("the bride is at the door")).toBeDefined();
  fireEvent.click(screen.getByRole("button", { name: "No rush for K7QF" }));
  expect(rush).toHaveBeenCalledWith("0199c0de-7a11-7000-8000-00000000cafe", null);
});

test("somebody who says why an order is in a rush is not interrupted when its ticket moves, and goes on at its card", async () => {
  const answers: (() => void)[] = [];
  vi.spyOn(api, "rush").mockImplementation(() => new Promise((resolve) => { answers.push(resolve); }));
  const { change } = show(<div key="waiting"><RushButton ticket={ticket()} /></div>);
  fireEvent.click(screen.getByRole("button", { name: "Rush K7QF" }));
  fireEvent.change(screen.getByLabelText("Why"), { target: { value: "the bride" } });
  change(<div key="with others"><RushButton ticket={ticket({ state: "started", by: "bob" })} /></div>);
  expect(screen.getByLabelText<HTMLInputElement>("Why").value).toBe("the bride");
  fireEvent.click(screen.getByRole("button", { name: "Let it go first" }));
  answers[0]?.();
  await waitFor(() => { expect(screen.queryByRole("dialog")).toBeNull(); });
  const rush = { by: "ann", at: at(0), reason: "the bride" };
  change(<Rush ticket={ticket({ rush })} />);
  const end = screen.getByRole("button", { name: "No rush for K7QF" });
  expect(document.activeElement).toBe(end);
  fireEvent.click(end);
  change(<RushButton ticket={ticket()} />);
  expect(document.activeElement).toBe(screen.getByRole("button", { name: "Rush K7QF" }));
});

test("a search finds what a customer asks for among what does not fit", async () => {
  const { asked } = show(<HandOut />, { uncollected: 90 });
  fireEvent.change(screen.getByLabelText("Find by code or name"), { target: { value: " k7 " } });
  await waitFor(() => { expect(asked).toHaveBeenLastCalledWith("k7", 30, expect.anything()); });
  await screen.findByText("No order that is ready has this code or name.");
});

test("what is handed out can be taken back", async () => {
  const collected = vi.spyOn(api, "collected").mockResolvedValue();
  const order: ReadyOrder = { id: "0199c0de-7a11-7000-8000-00000000cafe", pickupCode: "K7QF", name: "Ada L.", pieces: 12, since: at(0) };
  show(<HandOut />, { uncollected: 1 }, [order]);
  fireEvent.click(screen.getByRole("button", { name: "K7QF is collected" }));
  expect(collected).toHaveBeenLastCalledWith(order, true);
  const back = await screen.findByRole("button", { name: "Not collected after all" });
  expect(document.activeElement?.contains(back), "the pressed button goes away").toBe(true);
  fireEvent.click(back);
  expect(collected).toHaveBeenLastCalledWith(order, false);
});

test("whoever hands an order out reads what its customer is allergic to", () => {
  const order: ReadyOrder = { id: "0199c0de-7a11-7000-8000-00000000cafe", pickupCode: "K7QF", name: "Ada L.", pieces: 12, since: at(0), allergies: ["nuts", "egg"] };
  show(<HandOut />, { uncollected: 2 }, [order, { ...order, id: "0199c0de-7a11-7000-8000-00000000beef", pickupCode: "ABCD", allergies: [] }]);
  const [first, second] = screen.getByRole("list", { name: "Ready and not collected" }).children;
  expect(first?.textContent).toContain("Allergy: nuts, egg");
  expect(second?.textContent).not.toContain("Allergy");
});

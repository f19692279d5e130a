import { render, screen, within } from "@testing-library/react";
import userEvent from "@testing-library/user-event";
import { describe, expect, test, vi } from "vitest";
import { LiveContext } from "../../live/hooks";
import { askingOrder, at, attention, labelOf, pace, silentLive } from "../../testing-data";
import { GroupCard } from "./GroupCard";
import { itemsOf } from "./groups";

const burnt = attention({ cause: "failed", by: "bob", reasonCode: "burnt" });
const orders = [
  askingOrder({ id: "a", pickupCode: "K7QF", attention: burnt }),
  askingOrder({ id: "b", pickupCode: "M2XY", customer: { name: "Grace" }, attention: { ...burnt, since: at(900) } }),
  askingOrder({ id: "c", pickupCode: "T9AB", attention: { ...burnt, choices: ["retry", "cancel"] } }),
];

function show(of = orders, busy = false) {
  const asked = { onDecide: vi.fn(), onDecideAlone: vi.fn() };
  const [item] = itemsOf(of, new Set());
  if (!item?.group) throw new Error("These orders are no group.");
  const { group } = item;
  render(<LiveContext value={silentLive(1_200)}><GroupCard group={group} labelOf={labelOf} pace={pace(240, 600)} busy={busy} {...asked} /></LiveContext>);
  return asked;
}

const press = (name: string) => userEvent.click(screen.getByRole("button", { name }));
const dialog = () => screen.queryByRole("dialog");

describe("questions of one kind", () => {
  test("are one card with their number, what they have in common, and each order", () => {
    show();
    const card = screen.getByRole("article", { name: "3 orders: The work failed too often: Burnt, reported by bob." });
    expect(within(card).getByText("Bake")).toBeDefined();
    const rows = within(screen.getByRole("group", { name: "The orders" })).getAllByRole("listitem");
    expect(rows.map((row) => row.textContent)).toEqual(["K7QFAda, for 10 minDecide alone", "M2XYGrace, for 5 minDecide alone", "T9ABAda, for 10 minDecide alone"]);
  });

  test("about undoing say so", () => {
    const undoing = attention({ cause: "silent", by: "bob", undoing: true });
    show([askingOrder({ id: "a", attention: undoing }), askingOrder({ id: "b", attention: undoing })]);
    expect(screen.getByText("while clearing away")).toBeDefined();
  });

  test("can be left to be decided alone, one at a time", async () => {
    const { onDecideAlone } = show();
    await press("Decide alone: M2XY");
    expect(onDecideAlone).toHaveBeenCalledExactlyOnceWith(expect.objectContaining({ id: "b" }));
  });

  test("show what others have written as text", () => {
    const hostile = "<img src=x onerror=alert(1)>";
    const silent = attention({ cause: "silent", by: hostile });
    show([askingOrder({ id: "a", attention: silent, customer: { name: hostile } }), askingOrder({ id: "b", attention: silent })]);
    expect(screen.getByRole("article").querySelector("img")).toBeNull();
    expect(screen.getByText(`${hostile} took the tickets and has not been heard of since.`)).toBeDefined();
  });
});

describe("one decision for all", () => {
  test("offers what can be chosen for each, and what that leads to", () => {
    show();
    expect(screen.getByRole("button", { name: "Retry 3 orders …" })).toBeDefined();
    expect(screen.getByRole("button", { name: "Cancel 3 orders …" })).toBeDefined();
    expect(screen.queryByRole("button", { name: /Remake/ })).toBeNull();
    expect(screen.getByText("For each: Bake gets the ticket again.")).toBeDefined();
  });

  test("is asked about once more, with every order, and then decides for all with the note", async () => {
    const { onDecide } = show();
    await userEvent.type(screen.getByRole("textbox", { name: "Note" }), " once more, with care ");
    await press("Retry 3 orders …");
    expect(onDecide).not.toHaveBeenCalled();
    const asked = screen.getByRole("dialog", { name: "Retry 3 orders?" }).textContent;
    expect(asked).toContain("K7QF M2XY T9AB");
    expect(asked).toContain("Each customer waits about 12 min more.");
    await press("Retry 3 orders");
    expect(onDecide).toHaveBeenCalledExactlyOnceWith(orders, { choice: "retry", note: "once more, with care" });
    expect(dialog()).toBeNull();
  });

  test("is not made when somebody goes back", async () => {
    const { onDecide } = show();
    await press("Cancel 3 orders …");
    await press("Back");
    expect(dialog()).toBeNull();
    expect(onDecide).not.toHaveBeenCalled();
  });

  test("waits while another is under way", async () => {
    show(orders, true);
    await press("Retry 3 orders …");
    expect(dialog()).toBeNull();
  });
});

import { render, screen } from "@testing-library/react";
import userEvent from "@testing-library/user-event";
import { describe, expect, test, vi } from "vitest";
import { attention, summary } from "../../testing-data";
import { RunNotice } from "./RunNotice";
import type { Result } from "./together";

const order = (id: string) => ({ ...summary({ id, pickupCode: id.toUpperCase() }), attention: attention() });
const orders = ["a", "b", "c"].map(order);
const result = (id: string, outcome: Result["outcome"], why?: string): Result => ({ order: order(id), outcome, ...(why !== undefined && { why }) });

function show(...results: readonly Result[]) {
  const onClose = vi.fn();
  render(<RunNotice run={{ body: { choice: "retry" }, orders, results }} onClose={onClose} />);
  return onClose;
}

describe("a decision about many orders", () => {
  test("tells how far it is, and stays until it is over", () => {
    show(result("a", "decided"));
    expect(screen.getByRole("status").textContent).toContain("Retry 3 orders 1 decided so far …");
    expect(screen.queryByRole("button")).toBeNull();
  });

  test("tells how many it decided, and goes when somebody has read it", async () => {
    const onClose = show(result("a", "decided"), result("b", "decided"), result("c", "decided"));
    expect(screen.getByRole("status").textContent).toContain("Retry 3 orders 3 decided.");
    await userEvent.click(screen.getByRole("button", { name: "Understood" }));
    expect(onClose).toHaveBeenCalledTimes(1);
  });

  test("mentions what had been answered already, and is no alarm", () => {
    show(result("a", "decided"), result("b", "answered"), result("c", "answered"));
    expect(screen.getByRole("status").textContent).toContain("1 decided; 2 had been answered already.");
    expect(screen.queryByRole("alert")).toBeNull();
  });

  test("says which orders are undecided, and why", () => {
    show(result("a", "decided"), result("b", "undecided", "Temporal does not answer."), result("c", "answered"));
    expect(screen.getByRole("alert").textContent).toContain("1 decided; 1 had been answered already; 1 not decided:");
    expect(screen.getAllByRole("listitem").map((line) => line.textContent)).toEqual(["B: Temporal does not answer."]);
  });
});

import { render, screen } from "@testing-library/react";
import userEvent from "@testing-library/user-event";
import { describe, expect, test, vi } from "vitest";
import { undoTicket } from "../../testing-data";
import { ScrappedDialog } from "./ScrappedDialog";

describe("ScrappedDialog", () => {
  test("accepts no more pieces than are on the ticket, and says so", async () => {
    const onUndone = vi.fn();
    render(<ScrappedDialog ticket={undoTicket({ lines: [{ flavour: "nut", size: "M", quantity: 6 }] })} onUndone={onUndone} onClose={vi.fn()} />);
    const field = screen.getByRole("textbox", { name: "Pieces scrapped", description: "From 0 to 6, the number on the ticket" });
    const undone = screen.getByRole("button", { name: "Cleared away" });
    await userEvent.clear(field);
    await userEvent.type(field, "7");
    await userEvent.click(undone);
    expect(onUndone).not.toHaveBeenCalled();
    expect(screen.getByText("At most 6.")).toBeDefined();
    await userEvent.clear(field);
    await userEvent.type(field, "6");
    await userEvent.click(undone);
    expect(onUndone).toHaveBeenCalledExactlyOnceWith(6);
  });

  test.each([
    ["were made", undoTicket(), "The others can be set aside and sold."],
    ["were only begun", undoTicket({ made: false, begunBy: "Bea" }), "The others were not made, or can be set aside and sold."],
  ])("says what becomes of the others when they %s", (_, about, text) => {
    render(<ScrappedDialog ticket={about} onUndone={vi.fn()} onClose={vi.fn()} />);
    expect(screen.getByText(text)).toBeDefined();
  });
});

import { createEvent, fireEvent, render, screen } from "@testing-library/react";
import userEvent from "@testing-library/user-event";
import { describe, expect, test, vi } from "vitest";
import { rules, ticket } from "../../testing-data";
import { FailureDialog } from "./FailureDialog";

type Props = Parameters<typeof FailureDialog>[0];

const tenPieces = ticket({ lines: [{ flavour: "vanilla", size: "M", quantity: 6 }, { flavour: "nut", size: "L", quantity: 4 }] });

function show(overrides: Partial<Props> = {}) {
  const asked = { onReport: vi.fn(), onClose: vi.fn() };
  const shown = render(<FailureDialog ticket={tenPieces} reasons={rules.reasons} {...asked} {...overrides} />);
  return { ...asked, ...shown };
}

const scrapped = () => screen.getByRole<HTMLInputElement>("textbox", { name: "Pieces scrapped" }).value;
const choose = (reason: string) => userEvent.click(screen.getByRole("radio", { name: reason }));
const report = () => userEvent.click(screen.getByRole("button", { name: "Report failure" }));

describe("FailureDialog", () => {
  test("is an open dialog that says which ticket it is about, with the kitchen's reasons", () => {
    show();
    expect(screen.getByRole<HTMLDialogElement>("dialog", { name: "What went wrong with K7QF?" }).open).toBe(true);
    expect(screen.getAllByRole("radio").map((radio) => radio.closest("label")?.textContent)).toEqual(["Burnt", "Oven is down"]);
  });

  test("reports nothing until somebody has chosen why", async () => {
    const { onReport } = show();
    await report();
    expect(onReport).not.toHaveBeenCalled();
    expect(screen.getByRole("alert").textContent).toBe("Choose what went wrong.");
    expect(document.activeElement).toBe(screen.getByRole("radio", { name: "Burnt" }));
    await choose("Burnt");
    expect(screen.queryByRole("alert")).toBeNull();
    await report();
    expect(onReport).toHaveBeenCalledTimes(1);
  });

  test("reports all pieces of a reason for which they are made again", async () => {
    const { onReport } = show();
    expect(scrapped()).toBe("0");
    await choose("Burnt");
    expect(scrapped()).toBe("10");
    expect(screen.getByText("The order starts again from mix.")).toBeDefined();
    await report();
    expect(onReport).toHaveBeenCalledExactlyOnceWith({ kind: "failed", reason: "burnt", scrapped: 10 });
  });

  test("scraps nothing for a reason after which the work goes on", async () => {
    const { onReport } = show();
    await choose("Oven is down");
    expect(scrapped()).toBe("0");
    expect(screen.getByText("The same ticket comes back to this station.")).toBeDefined();
    await report();
    expect(onReport).toHaveBeenCalledExactlyOnceWith({ kind: "failed", reason: "oven-down", scrapped: 0 });
  });

  test("keeps a number that somebody has given, whatever the reason", async () => {
    const { onReport } = show();
    await choose("Burnt");
    await userEvent.click(screen.getByRole("button", { name: "One fewer: Pieces scrapped" }));
    await choose("Oven is down");
    expect(scrapped()).toBe("9");
    await report();
    expect(onReport).toHaveBeenCalledExactlyOnceWith({ kind: "failed", reason: "oven-down", scrapped: 9 });
  });

  test("keeps zero too, once somebody has given it", async () => {
    const { onReport } = show();
    await choose("Burnt");
    await userEvent.clear(screen.getByRole("textbox", { name: "Pieces scrapped" }));
    await report();
    expect(onReport).toHaveBeenCalledExactlyOnceWith({ kind: "failed", reason: "burnt", scrapped: 0 });
  });

  test("accepts no more pieces than are on the ticket, and says so", async () => {
    const { onReport } = show();
    await choose("Burnt");
    const field = screen.getByRole("textbox", { name: "Pieces scrapped", description: "From 0 to 10, the number on the ticket" });
    await userEvent.clear(field);
    await userEvent.type(field, "11");
    await report();
    expect(onReport).not.toHaveBeenCalled();
    expect(screen.getByText("At most 10.")).toBeDefined();
    await userEvent.clear(field);
    await userEvent.type(field, "9");
    await userEvent.click(screen.getByRole("button", { name: "One more: Pieces scrapped" }));
    await userEvent.click(screen.getByRole("button", { name: "One more: Pieces scrapped" }));
    await report();
    expect(onReport).toHaveBeenCalledExactlyOnceWith({ kind: "failed", reason: "burnt", scrapped: 10 });
  });

  test("accepts any number for a ticket without lines", async () => {
    const { onReport } = show({ ticket: ticket({ lines: [] }) });
    await choose("Burnt");
    await userEvent.type(screen.getByRole("textbox", { name: "Pieces scrapped", description: "" }), "7");
    await report();
    expect(onReport).toHaveBeenCalledExactlyOnceWith({ kind: "failed", reason: "burnt", scrapped: 7 });
  });

  test("sends a note without the space around it, and none that is only space", async () => {
    const { onReport } = show();
    await choose("Burnt");
    const note = screen.getByRole("textbox", { name: "Note" });
    await userEvent.type(note, "  oven 2 ");
    await report();
    expect(onReport).toHaveBeenLastCalledWith({ kind: "failed", reason: "burnt", scrapped: 10, note: "oven 2" });
    await userEvent.clear(note);
    await userEvent.type(note, "  ");
    await report();
    expect(onReport).toHaveBeenLastCalledWith({ kind: "failed", reason: "burnt", scrapped: 10 });
  });

  test("reports another reason if the kitchen file has none", async () => {
    const { onReport } = show({ reasons: [] });
    await report();
    expect(onReport).toHaveBeenCalledExactlyOnceWith({ kind: "failed", reason: "other", scrapped: 0 });
  });

  test("goes back without a report, by its button and by Escape", async () => {
    const { onReport, onClose } = show();
    await userEvent.click(screen.getByRole("button", { name: "Back" }));
    expect(onClose).toHaveBeenCalledTimes(1);
    const escape = createEvent("cancel", screen.getByRole("dialog"), { cancelable: true });
    fireEvent(screen.getByRole("dialog"), escape);
    expect(onClose).toHaveBeenCalledTimes(2);
    expect(escape.defaultPrevented).toBe(true); // the page decides when it closes
    expect(onReport).not.toHaveBeenCalled();
  });

  test("gives the focus back to where it was when it goes", () => {
    render(<button type="button">Failed …</button>);
    const button = screen.getByRole("button", { name: "Failed …" });
    button.focus();
    const { unmount } = show();
    screen.getByRole("textbox", { name: "Note" }).focus();
    unmount();
    expect(document.activeElement).toBe(button);
  });

  test("shows reasons and codes that others have written as text", () => {
    const hostile = "<img src=x onerror=alert(1)>";
    show({ ticket: ticket({ pickupCode: hostile }), reasons: [{ code: hostile, label: hostile, remake: false }] });
    const dialog = screen.getByRole("dialog");
    expect(dialog.querySelector("img")).toBeNull();
    expect(dialog.textContent.split(hostile)).toHaveLength(3);
  });
});

import { render, screen } from "@testing-library/react";
import userEvent from "@testing-library/user-event";
import { afterEach, expect, test, vi } from "vitest";
import { ShareDialog } from "./ShareDialog";

const id = "0199c0de-7a11-7000-8000-00000000cafe";
const address = `${location.origin}/orders/${id}`;
const open = () => render(<ShareDialog id={id} code="K7QF" onClose={() => undefined} />);
const browser = (more: object) => { vi.stubGlobal("navigator", Object.create(navigator, Object.getOwnPropertyDescriptors(more))); };

afterEach(() => { vi.unstubAllGlobals(); });

test("the QR code is drawn by the server", () => {
  open();
  expect(screen.getByRole("img", { name: /QR code/ }).getAttribute("src")).toBe(`/orders/${id}/qr.svg`);
});

test("where the browser cannot share the link is copied", async () => {
  const user = userEvent.setup();
  browser({ share: undefined });
  open();
  expect(screen.queryByRole("button", { name: "Share …" })).toBeNull();
  await user.click(screen.getByRole("button", { name: "Copy the link" }));
  expect(await screen.findByText("The link is copied.")).toBeTruthy();
  expect(await navigator.clipboard.readText()).toBe(address);
});

test("where nothing can be copied the link is marked", async () => {
  browser({ clipboard: undefined });
  open();
  await userEvent.click(screen.getByRole("button", { name: "Copy the link" }));
  expect(await screen.findByText("Copy the marked link.")).toBeTruthy();
  const field = screen.getByLabelText<HTMLInputElement>("Link");
  expect([field.value, field.selectionStart, field.selectionEnd]).toEqual([address, 0, address.length]);
});

test.each([
  ["that is given up copies nothing", new DOMException("no", "AbortError"), 0],
  ["that fails copies the link", new DOMException("no", "NotAllowedError"), 1],
])("sharing %s", async (_, error, copies) => {
  const writeText = vi.fn(() => Promise.resolve());
  const share = vi.fn(() => Promise.reject(error));
  browser({ share, clipboard: { writeText } });
  open();
  await userEvent.click(screen.getByRole("button", { name: "Share …" }));
  expect(share).toHaveBeenCalledWith({ title: "Order K7QF at Cupcakery", url: address });
  expect(writeText).toHaveBeenCalledTimes(copies);
});

import { render, screen } from "@testing-library/react";
import userEvent from "@testing-library/user-event";
import { describe, expect, test, vi } from "vitest";
import { PinPad } from "./PinPad";

type Props = Parameters<typeof PinPad>[0];

function show(overrides: Partial<Props> = {}) {
  const asked = { onSignIn: vi.fn(() => Promise.resolve()), onBack: vi.fn() };
  const pad = (props: Partial<Props>) => <PinPad name="Mia" work="mixer" fault={undefined} busy={false} {...asked} {...props} />;
  const { rerender } = render(pad(overrides));
  return { ...asked, change: (props: Partial<Props>) => { rerender(pad(props)); } };
}

const input = () => screen.getByLabelText<HTMLInputElement>("PIN of Mia");
const press = async (...keys: readonly string[]) => {
  for (const key of keys) await userEvent.click(screen.getByRole("button", { name: key }));
};

describe("the PIN pad", () => {
  test("takes a PIN by finger, without a keyboard on the screen", async () => {
    const { onSignIn } = show();
    expect(input().inputMode).toBe("none");
    await press("1", "2", "3", "9", "Delete the last digit", "4", "5", "0", "Sign in");
    expect(onSignIn).toHaveBeenCalledExactlyOnceWith("123450");
  });

  test("says how much was typed, and never what", async () => {
    show();
    await press("1", "2");
    expect(screen.getByRole("status").textContent).toBe("2 digits of 6 to 12");
    expect(input().type).toBe("password");
  });

  test("has the focus from the start, and keeps it while a finger presses", async () => {
    show();
    expect(document.activeElement).toBe(input());
    await press("1");
    expect(document.activeElement).toBe(input());
  });

  test("takes it by keyboard too, wherever the focus is", async () => {
    const { onSignIn, onBack } = show();
    await userEvent.keyboard("12a3");
    screen.getByRole("button", { name: "Back" }).focus();
    await userEvent.keyboard("4569{Backspace}");
    expect(input().value).toBe("123456");
    input().focus();
    await userEvent.keyboard("{Enter}");
    expect(onSignIn).toHaveBeenCalledExactlyOnceWith("123456");
    await userEvent.keyboard("{Escape}");
    expect(onBack).toHaveBeenCalledOnce();
  });

  test("asks for six digits at least, and takes twelve at most", async () => {
    const { onSignIn } = show();
    await press("1", "2", "3", "4", "5", "Sign in");
    await userEvent.keyboard("{Enter}");
    expect(onSignIn).not.toHaveBeenCalled();
    await userEvent.keyboard("67890123");
    expect(input().value).toBe("123456789012");
    await press("Clear");
    expect(input().value).toBe("");
  });

  test("starts from nothing after a wrong PIN, and says so", async () => {
    const { onSignIn, change } = show();
    onSignIn.mockImplementation(() => {
      change({ fault: "Nobody has this name and this PIN." });
      return Promise.resolve();
    });
    await press("1", "2", "3", "4", "5", "6", "Sign in");
    expect((await screen.findByRole("alert")).textContent).toContain("Nobody has this name and this PIN.");
    expect(input().value).toBe("");
    expect(document.activeElement).toBe(input());
  });

  test("sends nothing twice while it is answered", async () => {
    const { onSignIn, change } = show();
    await press("1", "2", "3", "4", "5", "6");
    change({ busy: true });
    await press("Signing in …");
    await userEvent.keyboard("{Enter}");
    expect(onSignIn).not.toHaveBeenCalled();
  });
});

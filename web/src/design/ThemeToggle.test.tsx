import { render, screen } from "@testing-library/react";
import userEvent from "@testing-library/user-event";
import { afterEach, beforeEach, describe, expect, test, vi } from "vitest";
import { ThemeToggle } from "./ThemeToggle";

const theme = () => document.documentElement.dataset["theme"];
const press = (name: string) => userEvent.click(screen.getByRole("button", { name }));

beforeEach(() => { localStorage.clear(); });

afterEach(() => {
  vi.unstubAllGlobals();
  delete document.documentElement.dataset["theme"];
});

describe("ThemeToggle", () => {
  test.each([["light", "dark"], ["dark", "light"]])("changes a page that is %s to %s, and back", async (now, other) => {
    document.documentElement.dataset["theme"] = now;
    render(<ThemeToggle />);
    await press(`Use the ${other} theme`);
    expect(theme()).toBe(other);
    expect(localStorage.getItem("cupcakery.theme")).toBe(other);
    await press(`Use the ${now} theme`);
    expect(theme()).toBe(now);
    expect(localStorage.getItem("cupcakery.theme")).toBe(now);
  });

  test("treats a page without a theme as light", () => {
    render(<ThemeToggle />);
    expect(screen.getByRole("button", { name: "Use the dark theme" })).toBeDefined();
  });

  test("changes the page even if the browser stores nothing", async () => {
    const setItem = vi.fn(() => { throw new DOMException("denied", "SecurityError"); });
    vi.stubGlobal("localStorage", { setItem });
    render(<ThemeToggle />);
    await press("Use the dark theme");
    expect(setItem).toHaveBeenCalledTimes(1);
    expect(theme()).toBe("dark");
    expect(screen.getByRole("button", { name: "Use the light theme" })).toBeDefined();
  });
});

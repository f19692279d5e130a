import { expect, test } from "vitest";
import type { Role } from "../api/schema.gen";
import { pagesFor } from "./pages";

const names = (role: Role, at: string, hasHistory?: boolean) => {
  const { shown, more } = pagesFor({ role, ...(hasHistory && { hasHistory }) }, at);
  return [shown.map(({ name }) => name).join(" "), more.map(({ name }) => name).join(" ")];
};

test("somebody at a station has few pages in sight, and the others behind a button", () => {
  expect(names("baker", "/stations/bake")).toEqual(["Bake Overview Counter Find", "Dashboard Standing orders Day’s sheet"]);
});

test("a manager has every board, and decides", () => {
  expect(names("manager", "/dashboard")).toEqual(["Overview Dashboard Attention Find", "Mix Bake Decorate Package Counter Standing orders Day’s sheet"]);
});

test("the page that somebody is on is in sight, wherever it is otherwise", () => {
  expect(names("manager", "/stations/package")).toEqual(["Overview Dashboard Attention Find Package", "Mix Bake Decorate Counter Standing orders Day’s sheet"]);
  expect(names("mixer", "/find/0199c0de")[0], "an order that was found").toBe("Mix Overview Counter Find");
  expect(names("mixer", "/sheet")).toEqual(["Mix Overview Counter Find Day’s sheet", "Dashboard Standing orders"]);
});

test("history is for managers, and only where a ledger remembers it", () => {
  expect(names("manager", "/dashboard", true)[1]).toBe("Mix Bake Decorate Package Counter Standing orders Day’s sheet History");
  expect(names("manager", "/history", true)[0]).toBe("Overview Dashboard Attention Find History");
  expect(names("manager", "/dashboard")[1]).not.toContain("History");
  expect(names("baker", "/stations/bake", true)[1]).not.toContain("History");
});

import { expect, test } from "vitest";
import { pagesFor } from "./pages";

const names = (role: Parameters<typeof pagesFor>[0], at: string) => {
  const { shown, more } = pagesFor(role, at);
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

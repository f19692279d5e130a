import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, test } from "vitest";

function read(...path: string[]): string {
  return readFileSync(join(import.meta.dirname, ...path), "utf8");
}

const sources = readdirSync(import.meta.dirname, { recursive: true, encoding: "utf8" }).filter((path) => /\.tsx?$/.test(path) && !/\.test\.tsx?$/.test(path));
const page = new DOMParser().parseFromString(read("..", "index.html"), "text/html");
const elements = [...page.querySelectorAll("*")];

// The pages show texts of customers and staff. That these stay texts is the first
// wall; the policy in the server's headers is the second.
describe("the pages' code", () => {
  test("is read by these tests", () => {
    expect(sources).toContain("main.tsx");
    expect(sources).toContain(join("screens", "station", "TicketCard.tsx"));
  });

  test.each([
    ["turns texts into elements", /dangerouslySetInnerHTML|\b(inner|outer)HTML\b|\binsertAdjacentHTML\b|\bcreateContextualFragment\b|\bsrcdoc\b/i],
    ["writes into the document", /\bdocument\.write/],
    ["turns texts into code", /\beval\b|\bnew Function\b|\bset(Timeout|Interval)\(\s*["'`]/],
    ["goes to an address that is code", /javascript:/i],
  ])("nowhere %s", (_, pattern) => {
    expect(sources.filter((path) => pattern.test(read(path)))).toEqual([]);
  });
});

describe("index.html", () => {
  test("has no script of its own, only files of this site", () => {
    const scripts = [...page.querySelectorAll("script")];
    expect(scripts.length).toBeGreaterThan(0);
    expect(scripts.map((script) => script.textContent)).toEqual(scripts.map(() => ""));
    expect(scripts.filter((script) => !/^\/[^/]/.test(script.getAttribute("src") ?? ""))).toEqual([]);
  });

  test("has no style of its own", () => {
    expect(page.querySelectorAll("style, [style]")).toHaveLength(0);
  });

  test("has no attribute that is code", () => {
    const attributes = elements.flatMap((element) => element.getAttributeNames().map((name) => `${name}=${element.getAttribute(name) ?? ""}`));
    expect(attributes).toContain("id=app");
    expect(attributes.filter((attribute) => /^on|=\s*javascript:/i.test(attribute))).toEqual([]);
  });

  test("loads nothing from another site", () => {
    const addresses = elements.flatMap((element) => [element.getAttribute("src"), element.getAttribute("href")]).filter((address) => address !== null);
    expect(addresses.length).toBeGreaterThan(0);
    expect(addresses.filter((address) => !/^\/[^/]/.test(address))).toEqual([]);
  });
});

import { readFileSync, statSync } from "node:fs";
import { join } from "node:path";
import { expect, test } from "vitest";

const css = readFileSync(join(import.meta.dirname, "fonts.css"), "utf8");
const tokens = readFileSync(join(import.meta.dirname, "tokens.css"), "utf8");
const files = [...css.matchAll(/url\("([^"]*)"\)/g)].map((match) => match[1] ?? "");
const faces = css.split("@font-face").slice(1);

test("the fonts come with the pages, and all of them together are small", () => {
  expect(files).toHaveLength(3);
  const sizes = files.map((file) => {
    expect(file).toMatch(/^@fontsource.*\.woff2$/);
    return statSync(join(import.meta.dirname, "..", "..", "node_modules", file)).size;
  });
  expect(sizes.reduce((sum, size) => sum + size)).toBeLessThanOrEqual(60_000);
});

test("text is shown before its font is there, in one that is as wide and as high", () => {
  for (const face of faces.filter((each) => each.includes("url("))) expect(face).toContain("font-display: swap");
  for (const name of ["Figtree", "Fraunces"]) {
    expect(tokens).toContain(`"${name}", "Like ${name}",`);
    const stand = faces.find((face) => face.includes(`"Like ${name}"`));
    for (const measure of ["size-adjust", "ascent-override", "descent-override", "line-gap-override"]) expect(stand).toContain(measure);
  }
});

import { readFileSync } from "node:fs";
import { join } from "node:path";
import { expect, test } from "vitest";
import { stages } from "./stages";

const tokens = readFileSync(join(import.meta.dirname, "tokens.css"), "utf8");

test.each(stages)("%s has colours in both themes, and what belongs to it takes them", (stage) => {
  expect(tokens.match(new RegExp(`--${stage}: #[0-9a-f]{6};`, "g"))).toHaveLength(2);
  expect(tokens.match(new RegExp(`--${stage}-tint: #[0-9a-f]{6};`, "g"))).toHaveLength(2);
  expect(tokens).toContain(`[data-stage="${stage}"] { --stage: var(--${stage}); --stage-tint: var(--${stage}-tint); }`);
});

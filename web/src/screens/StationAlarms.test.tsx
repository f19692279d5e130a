import { render, screen } from "@testing-library/react";
import { expect, test } from "vitest";
import type { StageCounts } from "../api/schema.gen";
import { LiveContext } from "../live/hooks";
import { at, silentLive } from "../testing-data";
import { StationAlarms } from "./StationAlarms";

const counts = (overrides: Partial<StageCounts>): StageCounts => ({ stage: "mix", waiting: 0, started: 0, failed: 0, ...overrides });

function show(...stages: readonly StageCounts[]) {
  render(<LiveContext value={silentLive(1_230)}><StationAlarms stages={stages} /></LiveContext>);
  return screen.queryAllByRole("listitem").map((line) => line.querySelector("p")?.textContent);
}

test("a station at which nobody takes tickets is one line, however many wait", () => {
  expect(show(counts({ waiting: 34, untakenSince: at(0), oldest: at(-600) }), counts({ stage: "bake", waiting: 40, started: 2 }), counts({ stage: "package", waiting: 1, untakenSince: at(-3_600) }))).toEqual([
    "Mix: nobody has taken anything for 20 min, 34 waiting",
    "Package: nobody has taken anything for 1 h 20 min, 1 waiting",
  ]);
  expect(screen.getByRole("list", { name: "Stations where nobody takes tickets" })).toBeDefined();
});

test("stations at work raise no alarm, and leave no empty list", () => {
  expect(show(counts({ waiting: 40 }))).toEqual([]);
  expect(screen.queryByRole("list")).toBeNull();
});

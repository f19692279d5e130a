import { render, screen } from "@testing-library/react";
import userEvent from "@testing-library/user-event";
import { useState } from "react";
import { expect, test, vi } from "vitest";
import { Tiles } from "./Tiles";

const mia = { name: "Mia", role: "mixer" } as const;
const bob = { name: "Bob", role: "baker" } as const;

test("whoever comes back from somebody's PIN is at their tile again", () => {
  render(<Tiles people={[mia, bob]} last={bob} onChoose={vi.fn()} />);
  expect(document.activeElement).toBe(screen.getByRole("button", { name: /^B\s?Bob|Bob/ }));
});

test("nobody who only opens the page is moved", () => {
  render(<Tiles people={[mia, bob]} onChoose={vi.fn()} />);
  expect(document.activeElement).toBe(document.body);
});

test("whoever removes a name goes on at the next one, and at last at the heading", async () => {
  function Device() {
    const [people, setPeople] = useState<readonly (typeof mia | typeof bob)[]>([mia, bob]);
    return <Tiles people={people} onChoose={vi.fn()} onForget={({ name }) => { setPeople(people.filter((each) => each.name !== name)); }} />;
  }
  render(<Device />);
  await userEvent.click(screen.getByRole("button", { name: "Remove Mia from this device" }));
  expect(document.activeElement).toBe(screen.getByRole("button", { name: "Remove Bob from this device" }));
});

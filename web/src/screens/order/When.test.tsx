import { QueryClientProvider } from "@tanstack/react-query";
import { render, screen } from "@testing-library/react";
import userEvent from "@testing-library/user-event";
import { useState } from "react";
import { expect, test, vi } from "vitest";
import { api } from "../../api/client";
import { newQueryClient } from "../../api/queries";
import type { Slots } from "../../api/schema.gen";
import { menu } from "../../testing-data";
import { emptyDraft, orderOf, type Draft } from "./draft";
import { When } from "./When";

const saturday: Slots = {
  timezone: "Europe/Berlin", open: true, capacity: 96, day: "2026-11-28", days: ["2026-11-28", "2026-11-30"],
  slots: [{ at: "2026-11-28T09:00:00Z", left: 0, free: false }, { at: "2026-11-28T09:15:00Z", left: 24, free: true }],
};
const monday: Slots = { ...saturday, day: "2026-11-30", slots: [{ at: "2026-11-30T08:00:00Z", left: 24, free: true }] };

function show(open = true, from: Draft = emptyDraft, free: readonly string[] = []) {
  const asked = vi.spyOn(api, "slots").mockImplementation((day) => Promise.resolve({ ...(day === "2026-11-30" ? monday : saturday), open, ...(!open && { opensAt: "2026-11-28T07:00:00Z" }) }));
  let chosen: Draft = from;
  function Page() {
    const [draft, setDraft] = useState(from);
    chosen = draft;
    return <When draft={draft} pieces={12} fault={undefined} free={free} onChange={(part) => { setDraft((all) => ({ ...all, ...part })); }} />;
  }
  render(<QueryClientProvider client={newQueryClient()}><Page /></QueryClientProvider>);
  return { asked: () => asked.mock.calls.map(([day, pieces]) => [day, pieces]), pickupAt: () => orderOf(chosen, menu()).pickupAt };
}

test("an order is wanted as soon as possible unless somebody chooses a day and time", async () => {
  const { pickupAt } = show();
  expect((await screen.findByRole<HTMLInputElement>("radio", { name: "As soon as possible" })).checked).toBe(true);
  expect(screen.queryByLabelText("Time")).toBeNull();
  expect(pickupAt()).toBeUndefined();
});

test("a time from before the page was loaded is given up unless the page shows it", async () => {
  const { pickupAt } = show(true, { ...emptyDraft, when: "later", pickupAt: "2026-11-30T08:00:00Z" });
  expect((await screen.findByLabelText<HTMLSelectElement>("Time")).value).toBe("");
  await vi.waitFor(() => { expect(pickupAt()).toBeUndefined(); });
});

test("a time from before the page was loaded stays if the page shows it", async () => {
  const { pickupAt } = show(true, { ...emptyDraft, when: "later", pickupAt: "2026-11-28T09:15:00Z" });
  expect((await screen.findByLabelText<HTMLSelectElement>("Time")).value).toBe("2026-11-28T09:15:00Z");
  expect(pickupAt()).toBe("2026-11-28T09:15:00Z");
});

test("a slot of a day can be chosen if it has room, and given up again", async () => {
  const { asked, pickupAt } = show();
  await userEvent.click(screen.getByRole("radio", { name: "A day and time" }));
  expect(await screen.findByRole<HTMLOptionElement>("option", { name: "10:00 (full)" })).toHaveProperty("disabled", true);
  await userEvent.selectOptions(screen.getByLabelText("Time"), "10:15");
  expect(pickupAt()).toBe("2026-11-28T09:15:00Z");
  await userEvent.selectOptions(screen.getByLabelText("Day"), "Mon 30 Nov");
  expect(pickupAt(), "the time was of another day").toBeUndefined();
  await screen.findByRole("option", { name: "09:00" });
  expect(asked()).toContainEqual(["2026-11-30", 12]);
  await userEvent.selectOptions(screen.getByLabelText("Time"), "09:00");
  expect(pickupAt()).toBe("2026-11-30T08:00:00Z");
  await userEvent.click(screen.getByRole("radio", { name: "As soon as possible" }));
  expect(pickupAt()).toBeUndefined();
});

test("while the bakery is closed, only a day and time can be chosen", async () => {
  show(false);
  await screen.findByText(/We are closed now and open again/);
  expect(screen.getByRole("radio", { name: "As soon as possible" })).toHaveProperty("disabled", true);
});

test("a time that has just been taken is answered with those that have room", async () => {
  const { pickupAt } = show(true, { ...emptyDraft, when: "later", pickupAt: "2026-11-28T09:00:00Z" }, ["2026-11-28T09:15:00Z"]);
  await userEvent.click(await screen.findByRole("button", { name: "10:15" }));
  expect(pickupAt()).toBe("2026-11-28T09:15:00Z");
});

test("the next two weeks come first, and later days when somebody asks for them", async () => {
  const days = Array.from({ length: 61 }, (_, i) => new Date(Date.parse("2026-11-28T12:00:00Z") + i * 86_400_000).toISOString().slice(0, 10));
  vi.spyOn(api, "slots").mockResolvedValue({ ...saturday, days });
  render(<QueryClientProvider client={newQueryClient()}><When draft={{ ...emptyDraft, when: "later" }} pieces={12} fault={undefined} free={[]} onChange={() => undefined} /></QueryClientProvider>);
  const day = await screen.findByLabelText<HTMLSelectElement>("Day");
  expect(day.options).toHaveLength(14);
  await userEvent.click(screen.getByRole("button", { name: "Later days" }));
  expect(day.options).toHaveLength(61);
  expect(screen.queryByRole("button", { name: "Later days" })).toBeNull();
  expect(document.activeElement, "the button has gone").toBe(day);
});

test("an order that is larger than what is handed out at one time has none, and the page says what to do", async () => {
  vi.spyOn(api, "slots").mockResolvedValue({ timezone: "Europe/Berlin", open: true, capacity: 96, days: [], slots: [] });
  const show = (pieces: number) => <QueryClientProvider client={newQueryClient()}><When draft={{ ...emptyDraft, when: "later" }} pieces={pieces} fault={undefined} free={[]} onChange={() => undefined} /></QueryClientProvider>;
  const { rerender } = render(show(97));
  await screen.findByText("We can hand out 96 cupcakes at one time, and these are 97. Order them in parts, each for a time of its own.");
  rerender(show(96));
  await screen.findByText("There is no time left that you could choose.");
});

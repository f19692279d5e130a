import { QueryClientProvider } from "@tanstack/react-query";
import { act, fireEvent, render, screen } from "@testing-library/react";
import { afterEach, beforeEach, expect, test, vi } from "vitest";
import { api, type Seat as WhoSits } from "../../api/client";
import { demoStaffQuery, newQueryClient } from "../../api/queries";
import { Seat } from "./Seat";

beforeEach(() => { vi.useFakeTimers(); });
afterEach(() => { vi.restoreAllMocks(); vi.useRealTimers(); });

const pass = (ms: number) => act(() => vi.advanceTimersByTimeAsync(ms));

/** The baker's board of bob, with this answer for each request. */
async function show(answer: (method: string) => WhoSits | null, isDemo = true) {
  const asked = vi.spyOn(api, "seat").mockImplementation((method) => Promise.resolve(answer(method)));
  const notify = vi.fn();
  const queryClient = newQueryClient();
  queryClient.setQueryData(demoStaffQuery.queryKey, isDemo ? [{ name: "bob", role: "baker", pin: "222222" }] : []);
  render(<QueryClientProvider client={queryClient}><Seat stage="bake" me="bob" notify={notify} /></QueryClientProvider>);
  await pass(0);
  return { asked, notify };
}

test("a seat is taken, kept by signs of life, and handed back", async () => {
  let by: string | undefined;
  const { asked } = await show((method) => {
    if (method === "PUT") by = "bob";
    if (method === "DELETE") by = undefined;
    return { robot: "robot-baker", ...(by !== undefined && { by }) };
  });
  expect(screen.getByText("A robot works here.")).toBeDefined();
  fireEvent.click(screen.getByRole("button", { name: "Take the baker’s seat" }));
  await pass(0);
  expect(asked).toHaveBeenLastCalledWith("PUT", "bake");
  expect(screen.getByText("You have the robot’s seat.")).toBeDefined();
  asked.mockClear();
  await pass(61_000);
  expect(asked.mock.calls).toEqual([["POST", "bake"], ["POST", "bake"], ["POST", "bake"]]);
  fireEvent.click(screen.getByRole("button", { name: "Hand back to the robot" }));
  await pass(0);
  expect(asked).toHaveBeenLastCalledWith("DELETE", "bake");
  expect(screen.getByText("A robot works here.")).toBeDefined();
});

test("somebody else's seat is theirs, and can be handed back", async () => {
  await show(() => ({ robot: "robot-baker", by: "max" }));
  expect(screen.getByText("max")).toBeDefined();
  expect(screen.queryByText(/^You have/)).toBeNull();
  expect(screen.getByRole("button", { name: "Hand back to the robot" })).toBeDefined();
});

test("without robots there is nothing to see, and nothing more is asked", async () => {
  const { asked } = await show(() => null);
  await pass(300_000);
  expect(asked).toHaveBeenCalledTimes(1);
  expect(screen.queryByRole("button")).toBeNull();
});

test("in production nothing is asked", async () => {
  const { asked } = await show(() => ({ robot: "robot-baker" }), false);
  expect(asked).not.toHaveBeenCalled();
  expect(screen.queryByRole("button")).toBeNull();
});

test("says why a seat cannot be taken", async () => {
  const { asked, notify } = await show(() => ({ robot: "robot-baker" }));
  asked.mockRejectedValueOnce(new Error("away"));
  fireEvent.click(screen.getByRole("button"));
  await pass(0);
  expect(notify).toHaveBeenCalledTimes(1);
});

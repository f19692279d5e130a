import { QueryObserver } from "@tanstack/react-query";
import { afterEach, beforeEach, expect, test, vi } from "vitest";
import { api } from "../../api/client";
import { Problem } from "../../api/problem";
import { newQueryClient } from "../../api/queries";
import { dayQuery } from "./queries";
import { historyDay } from "./testing-data";

beforeEach(() => { vi.useFakeTimers(); });
afterEach(() => { vi.useRealTimers(); });

/** Shows a day until the test ends it. */
function show() {
  const observer = new QueryObserver(newQueryClient(), dayQuery("2026-03-04"));
  const end = observer.subscribe(() => undefined);
  return { observer, end };
}

test("a ledger whose database is away is asked until it answers, and then no more", async () => {
  const asked = vi.spyOn(api, "historyDay").mockRejectedValue(new Problem("The ledger’s database does not answer.", 503));
  const { observer, end } = show();
  await vi.advanceTimersByTimeAsync(60_000);
  expect(observer.getCurrentResult().error).toBeInstanceOf(Problem);
  asked.mockResolvedValue(historyDay());
  await vi.advanceTimersByTimeAsync(30_000);
  expect(observer.getCurrentResult().data).toEqual(historyDay());
  expect(observer.getCurrentResult().error).toBeNull();
  const before = asked.mock.calls.length;
  await vi.advanceTimersByTimeAsync(120_000);
  expect(asked).toHaveBeenCalledTimes(before);
  end();
});

test("what the ledger does not know is asked once", async () => {
  const asked = vi.spyOn(api, "historyDay").mockRejectedValue(new Problem("There is no ledger.", 404));
  const { end } = show();
  await vi.advanceTimersByTimeAsync(120_000);
  expect(asked).toHaveBeenCalledTimes(1);
  end();
});

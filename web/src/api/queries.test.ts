import { afterEach, beforeEach, describe, expect, test, vi } from "vitest";
import { menu, start } from "../testing-data";
import { noAnswer, Problem } from "./problem";
import { menuQuery, newQueryClient, sessionQuery, statisticsQuery } from "./queries";

beforeEach(() => { vi.useFakeTimers({ now: start }); });

afterEach(() => {
  vi.useRealTimers();
  vi.unstubAllGlobals();
});

/** When a query that always fails in that way fetches, in milliseconds after its start. */
async function timesOf(error: Error): Promise<readonly number[]> {
  const times: number[] = [];
  const asking = newQueryClient().query({
    queryKey: ["x"],
    queryFn: () => {
      times.push(Date.now() - start);
      return Promise.reject(error);
    },
  });
  const failure = expect(asking).rejects.toBe(error);
  await vi.advanceTimersByTimeAsync(600_000);
  await failure;
  return times;
}

describe("a query that fails", () => {
  test("is retried three times after no answer, with growing pauses", async () => {
    expect(await timesOf(noAnswer())).toEqual([0, 500, 1500, 3500]);
  });

  test("is retried if the server is in trouble", async () => {
    expect(await timesOf(new Problem("x", 503))).toHaveLength(4);
  });

  test("is retried when the server says so", async () => {
    expect(await timesOf(new Problem("x", 503, undefined, 7))).toEqual([0, 7_000, 14_000, 21_000]);
  });

  test.each([400, 401, 403, 404, 409, 429])("is not retried after a refusal with %i", async (status) => {
    expect(await timesOf(new Problem("x", status))).toEqual([0]);
  });

  test("is not retried after an error of the page itself", async () => {
    expect(await timesOf(new TypeError("x is undefined"))).toEqual([0]);
  });
});

describe("an answer", () => {
  const answer = vi.fn<typeof fetch>();

  beforeEach(() => {
    answer.mockReset();
    answer.mockImplementation(() => Promise.resolve(Response.json(menu())));
    vi.stubGlobal("fetch", answer);
  });

  test.each([["menu", menuQuery], ["session", sessionQuery]] as const)("with the %s stays valid as long as the page is open", async (_, query) => {
    const client = newQueryClient();
    await client.query(query as typeof menuQuery);
    await vi.advanceTimersByTimeAsync(240_000);
    await client.query(query as typeof menuQuery);
    expect(answer).toHaveBeenCalledTimes(1);
  });

  test("with the statistics is stale at once", async () => {
    const client = newQueryClient();
    await client.query(statisticsQuery);
    await client.query(statisticsQuery);
    expect(answer).toHaveBeenCalledTimes(2);
  });

  test("is no longer waited for when nobody needs it", async () => {
    answer.mockImplementation(() => new Promise(() => undefined));
    const client = newQueryClient();
    void client.query(menuQuery).catch(() => undefined);
    await vi.advanceTimersByTimeAsync(0);
    const signal = answer.mock.lastCall?.[1]?.signal;
    expect(signal?.aborted).toBe(false);
    await client.cancelQueries({ queryKey: menuQuery.queryKey });
    expect(signal?.aborted).toBe(true);
  });
});

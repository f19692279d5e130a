import { afterEach, beforeEach, describe, expect, test, vi } from "vitest";
import { menu, start, summary } from "../testing-data";
import { noAnswer, Problem } from "./problem";
import { forgetStaff, menuQuery, newQueryClient, questionsQuery, queueQuery, sessionQuery, statisticsQuery } from "./queries";

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

describe("a list", () => {
  const asked: string[] = [];

  /** An API that has these pages, whatever is asked for; each one's token is the number of the next. */
  function listing(...pages: readonly (readonly string[])[]) {
    asked.length = 0;
    vi.stubGlobal("fetch", (url: string) => {
      asked.push(url);
      const number = Number(new URL(url, "http://localhost").searchParams.get("pageToken") ?? 0);
      const next = number + 1 < pages.length ? { nextPageToken: String(number + 1) } : {};
      return Promise.resolve(Response.json({ orders: (pages[number] ?? []).map((id) => summary({ id })), ...next }));
    });
  }

  test("of questions has all pages, the oldest order first, and each order once", async () => {
    listing(["e", "d"], [], ["d", "c", "b"], ["a"]); // d has moved to a later page meanwhile
    const orders = await newQueryClient().query(questionsQuery);
    expect(orders.map((order) => order.id)).toEqual(["a", "b", "c", "d", "e"]);
    const first = "/api/v1/orders?state=needs-attention&limit=200";
    expect(asked).toEqual([first, `${first}&pageToken=1`, `${first}&pageToken=2`, `${first}&pageToken=3`]);
  });

  test("of questions is none if one of its pages is missing", async () => {
    listing(["a"], ["b"]);
    const whole = fetch;
    vi.stubGlobal("fetch", (url: string) => (url.includes("pageToken") ? Promise.resolve(new Response(null, { status: 400 })) : whole(url)));
    await expect(newQueryClient().query(questionsQuery)).rejects.toThrow(Problem);
  });

  test("of a queue has a page at a time", async () => {
    listing(["a", "b"], ["c"]);
    const data = await newQueryClient().infiniteQuery({ ...queueQuery("bake"), pages: 1 });
    expect(data.pages.map((page) => page.orders.map((order) => order.id))).toEqual([["a", "b"]]);
    expect(asked).toEqual(["/api/v1/orders?stage=bake"]);
  });
});

test("whoever comes next finds nothing of what was seen before, but the menu", () => {
  const queries = newQueryClient();
  for (const key of [["menu"], ["session"], ["questions"], ["found", { q: "Ada" }], ["explanation", "x"]]) queries.setQueryData(key, "seen");
  forgetStaff(queries);
  expect(queries.getQueryCache().getAll().map(({ queryKey }) => queryKey[0])).toEqual(["menu", "session"]);
});

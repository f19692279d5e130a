import { afterEach, beforeEach, describe, expect, test, vi } from "vitest";
import { menu } from "../testing-data";
import { api, newKey } from "./client";
import { Problem } from "./problem";
import type { Problem as ProblemDocument } from "./schema.gen";

const answer = vi.fn<typeof fetch>();

function json(value: unknown, status = 200): Response {
  return new Response(JSON.stringify(value), { status, headers: { "Content-Type": "application/json" } });
}

function refusal(type: ProblemDocument["type"], status: number, headers: Record<string, string> = {}): Response {
  return new Response(JSON.stringify({ type, title: "Title", status, detail: "What is wrong." }), { status, headers: { "Content-Type": "application/problem+json", ...headers } });
}

/** An answer that ends before its end. */
function cutOff(): Response {
  const body = new ReadableStream({ start(controller) { controller.error(new TypeError("network error")); } });
  return new Response(body, { headers: { "Content-Type": "application/json" } });
}

/** The last request. */
function asked() {
  const [url, init] = answer.mock.lastCall ?? [];
  if (typeof url !== "string" || !init) throw new Error("Nothing was asked.");
  const headers = Object.fromEntries(new Headers(init.headers));
  return { url, init, headers, body: typeof init.body === "string" ? (JSON.parse(init.body) as unknown) : init.body };
}

async function problemOf(promise: Promise<unknown>): Promise<Problem> {
  const error: unknown = await promise.then(() => { throw new Error("It did not fail."); }, (reason: unknown) => reason);
  expect(error).toBeInstanceOf(Problem);
  return error as Problem;
}

beforeEach(() => {
  answer.mockReset();
  vi.stubGlobal("fetch", answer);
});

afterEach(() => { vi.unstubAllGlobals(); });

describe("a request", () => {
  test("that reads asks for JSON that is fresh, with the session of this site only", async () => {
    answer.mockResolvedValue(json(menu()));
    expect(await api.menu()).toEqual(menu());
    expect(asked()).toMatchObject({ url: "/api/v1/menu", headers: { accept: "application/json" }, init: { method: "GET", cache: "no-store", credentials: "same-origin" } });
    expect(asked().headers).not.toHaveProperty("content-type");
    expect(asked().init).not.toHaveProperty("body");
    expect(asked().init).not.toHaveProperty("keepalive");
  });

  test("that changes something has a body and a key", async () => {
    answer.mockResolvedValue(json({}));
    const order = { customer: { name: "Ada" }, lines: [] };
    await api.createOrder(order, "key-1");
    expect(asked()).toMatchObject({ url: "/api/v1/orders", init: { method: "POST" }, headers: { "content-type": "application/json", "idempotency-key": "key-1" }, body: order });
  });

  test.each([
    ["cancel", () => api.cancel("a/b", { reason: "x" }, "key-1"), { reason: "x" }],
    ["amend", () => api.amend("a/b", { notes: "x" }, "key-1"), { notes: "x" }],
    ["resolve", () => api.resolve("a/b", { choice: "retry" }, "key-1"), { choice: "retry" }],
  ] as const)("to %s an order goes to that order, whatever its id, with a key", async (name, ask, body) => {
    answer.mockResolvedValue(json({}));
    await ask();
    expect(asked()).toMatchObject({ url: `/api/v1/orders/a%2Fb/${name}`, init: { method: "POST" }, headers: { "idempotency-key": "key-1" }, body });
  });

  test.each([
    ["/api/v1/statistics", () => api.statistics()],
    ["/api/v1/orders/..%2Fx", () => api.order("../x")],
    ["/api/v1/orders?state=cancelling&limit=100", () => api.orders({ state: "cancelling", limit: 100 })],
    ["/api/v1/orders?stage=bake&pageToken=a%2Bb", () => api.orders({ stage: "bake", pageToken: "a+b" })],
  ] as const)("to %s reads", async (url, ask) => {
    answer.mockResolvedValue(json({}));
    await ask();
    expect(asked()).toMatchObject({ url, init: { method: "GET" } });
  });

  test("with an ack has no key: repeating an ack is harmless", async () => {
    answer.mockResolvedValue(json({}));
    await api.ack("bake", "x.bake.1?", { kind: "done" });
    expect(asked()).toMatchObject({ url: "/api/v1/stations/bake/tickets/x.bake.1%3F/acks", init: { method: "POST" }, body: { kind: "done" } });
    expect(asked().headers).not.toHaveProperty("idempotency-key");
  });

  test("with an ack outlives the page", async () => {
    answer.mockResolvedValue(json({}));
    await api.ack("bake", "x.bake.1", { kind: "done" });
    expect(asked().init.keepalive).toBe(true);
  });

  test("to sign in has name and PIN in its body and not in its address", async () => {
    answer.mockResolvedValue(json({}));
    await api.signIn({ name: "Max", pin: "314159" });
    expect(asked()).toMatchObject({ url: "/api/v1/session", init: { method: "POST" }, body: { name: "Max", pin: "314159" } });
  });

  test("to sign out expects no body in the answer", async () => {
    answer.mockResolvedValue(new Response(null, { status: 204 }));
    await api.signOut();
    expect(asked()).toMatchObject({ url: "/api/v1/session", init: { method: "DELETE" } });
  });
});

describe("what goes wrong", () => {
  test("is thrown as the problem in the answer", async () => {
    answer.mockResolvedValue(refusal("/problems/unavailable", 503, { "Retry-After": "2" }));
    expect(await problemOf(api.menu())).toMatchObject({ type: "/problems/unavailable", status: 503, message: "What is wrong.", retryAfter: 2 });
  });

  test("is thrown as a problem even if the answer is not the API's", async () => {
    answer.mockResolvedValue(new Response("<h1>Bad gateway</h1>", { status: 502 }));
    expect(await problemOf(api.menu())).toMatchObject({ type: undefined, status: 502 });
  });

  test("counts as no answer if there is no network", async () => {
    answer.mockRejectedValue(new TypeError("Failed to fetch"));
    expect(await problemOf(api.menu())).toMatchObject({ status: 0, isUncertain: true });
  });

  // The change may have been made: it must count as uncertain, or nobody would repeat the request.
  test.each([
    ["is cut off", () => cutOff()],
    ["is no JSON, as from a network that wants a sign-in", () => new Response("<h1>Welcome to our Wi-Fi</h1>", { status: 200 })],
  ])("counts as no answer if the answer %s", async (_, response) => {
    answer.mockImplementation(() => Promise.resolve(response()));
    expect(await problemOf(api.menu())).toMatchObject({ status: 0, isUncertain: true });
    expect(await problemOf(api.createOrder({ customer: { name: "Ada" }, lines: [] }, "key-1"))).toMatchObject({ status: 0, isUncertain: true });
  });

  test("is no problem if the page itself aborts, before the answer or in the middle of it", async () => {
    const aborted = new AbortController();
    const why = new DOMException("left", "AbortError");
    aborted.abort(why);
    answer.mockRejectedValueOnce(why);
    await expect(api.menu(aborted.signal)).rejects.toBe(why);
    expect(asked().init.signal).toBe(aborted.signal);
    const body = new ReadableStream({ start(controller) { controller.error(why); } });
    answer.mockResolvedValueOnce(new Response(body));
    await expect(api.menu(aborted.signal)).rejects.toBe(why);
  });
});

describe("the session", () => {
  test("is who is signed in", async () => {
    const session = { name: "Max", role: "mixer", expiresAt: "2026-03-04T17:00:00Z" };
    answer.mockResolvedValue(json(session));
    expect(await api.session()).toEqual(session);
  });

  test.each(["/problems/not-signed-in", "/problems/no-staff"] as const)("is nobody's on %s", async (type) => {
    answer.mockResolvedValue(refusal(type, 401));
    expect(await api.session()).toBeNull();
  });

  test("is unknown, and not nobody's, if the server is in trouble", async () => {
    answer.mockResolvedValue(refusal("/problems/unavailable", 503));
    expect((await problemOf(api.session())).status).toBe(503);
    answer.mockRejectedValue(new TypeError("Failed to fetch"));
    expect((await problemOf(api.session())).status).toBe(0);
    answer.mockResolvedValue(new Response("", { status: 401 }));
    expect((await problemOf(api.session())).status).toBe(401);
  });
});

describe("the demo's staff", () => {
  test("are listed", async () => {
    const staff = [{ name: "max", role: "mixer", pin: "555555" }];
    answer.mockResolvedValue(json({ staff }));
    expect(await api.demoStaff()).toEqual(staff);
    expect(asked().url).toBe("/api/v1/session/demo");
  });

  test("are none where there is no demo", async () => {
    answer.mockResolvedValue(refusal("/problems/not-found", 404));
    expect(await api.demoStaff()).toEqual([]);
  });

  test("are unknown if the server is in trouble", async () => {
    answer.mockResolvedValue(refusal("/problems/unavailable", 503));
    expect((await problemOf(api.demoStaff())).status).toBe(503);
  });
});

describe("a new key", () => {
  // The API takes 16 to 128 printable characters without spaces.
  test("is one that the API takes, and different each time", () => {
    const keys = Array.from({ length: 50 }, newKey);
    expect(keys.every((key) => /^[!-~]{16,128}$/.test(key))).toBe(true);
    expect(new Set(keys).size).toBe(50);
  });

  test("is as good on a page without https, where browsers have no randomUUID", () => {
    const real = crypto;
    vi.stubGlobal("crypto", { getRandomValues: (bytes: Uint8Array<ArrayBuffer>) => real.getRandomValues(bytes) });
    const keys = Array.from({ length: 50 }, newKey);
    expect(keys.every((key) => /^[0-9a-f]{32}$/.test(key))).toBe(true);
    expect(new Set(keys).size).toBe(50);
  });
});

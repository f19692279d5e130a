import { describe, expect, test } from "vitest";
import { noAnswer, Problem, problemOf, textOf } from "./problem";
import type { Problem as ProblemDocument } from "./schema.gen";

const document: ProblemDocument = { type: "/problems/ticket-taken", title: "Somebody was first", status: 409, detail: "Bea has the ticket in hand.", by: "Bea" };

function answer(body: string, status: number, headers: Record<string, string> = {}): Response {
  return new Response(body, { status, headers: { "Content-Type": "application/problem+json", ...headers } });
}

describe("the problem of an answer", () => {
  test("is what its document says", async () => {
    const errors = [{ pointer: "/notes", detail: "too long" }];
    const problem = await problemOf(answer(JSON.stringify({ ...document, errors }), 409));
    expect(problem).toBeInstanceOf(Problem);
    expect(problem).toMatchObject({ message: "Bea has the ticket in hand.", type: "/problems/ticket-taken", status: 409, by: "Bea", errors, retryAfter: undefined });
  });

  test("tells what the order costs now", async () => {
    const total = { currency: "EUR", decimals: 2, amount: 3000 };
    expect((await problemOf(answer(JSON.stringify({ ...document, type: "/problems/price-changed", total }), 409))).total).toEqual(total);
    expect((await problemOf(answer(JSON.stringify(document), 409))).total).toBeUndefined();
  });

  test("is its title if there is no detail, and has no errors if it names none", async () => {
    const { detail, by, ...rest } = document;
    expect(await problemOf(answer(JSON.stringify(rest), 409))).toMatchObject({ message: "Somebody was first", by: undefined, errors: [] });
  });

  test("is read if its content type has parameters", async () => {
    const problem = await problemOf(answer(JSON.stringify(document), 409, { "Content-Type": "application/problem+json; charset=utf-8" }));
    expect(problem.type).toBe("/problems/ticket-taken");
  });

  test.each([
    ["180", 180],
    ["0", 0],
    ["Wed, 04 Mar 2026 09:00:00 GMT", undefined],
  ])("says that it may be repeated after %j: %s seconds", async (header, seconds) => {
    expect((await problemOf(answer(JSON.stringify(document), 429, { "Retry-After": header }))).retryAfter).toBe(seconds);
  });

  test.each([
    ["a proxy's page", answer("<h1>Bad gateway</h1>", 502, { "Content-Type": "text/html" })],
    ["nothing", new Response(null, { status: 502 })],
    ["JSON that is no problem", answer("{}", 502, { "Content-Type": "application/json" })],
    ["a problem that was cut off", answer('{"type":"/probl', 502)],
    ["an empty problem", answer("", 502)],
    ["a problem that is no object", answer("null", 502)],
  ])("has only its status if the answer is %s", async (_, response) => {
    const problem = await problemOf(response);
    expect(problem.message).toBe("The server gave an unexpected answer (502). Try again in a moment.");
    expect(problem).toMatchObject({ type: undefined, status: 502, errors: [] });
  });

  test("knows when to repeat the request even if a proxy has answered", async () => {
    expect((await problemOf(answer("busy", 503, { "Content-Type": "text/plain", "Retry-After": "7" }))).retryAfter).toBe(7);
  });
});

describe("a problem", () => {
  test.each([[0, true], [400, false], [409, false], [429, false], [499, false], [500, true], [503, true]])("with status %i leaves it uncertain what was done: %s", (status, isUncertain) => {
    expect(new Problem("x", status).isUncertain).toBe(isUncertain);
  });

  test("is one of several types, or none of them", () => {
    const problem = new Problem("x", 409, document);
    expect(problem.is("/problems/not-found", "/problems/ticket-taken")).toBe(true);
    expect(problem.is("/problems/not-found")).toBe(false);
    expect(new Problem("x", 409).is("/problems/ticket-taken")).toBe(false);
  });

  test("of no answer has no status", () => {
    expect(noAnswer()).toMatchObject({ status: 0, type: undefined, isUncertain: true });
  });
});

describe("what people read", () => {
  test("is the problem's own text, and no detail of an error in the page", () => {
    expect(textOf(new Problem("Ask again.", 503))).toBe("Ask again.");
    expect(textOf(new TypeError("x is undefined"))).toBe("Something went wrong on this page. Reload it.");
    expect(textOf("text")).toBe("Something went wrong on this page. Reload it.");
  });
});

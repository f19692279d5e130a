import { act, renderHook } from "@testing-library/react";
import { beforeEach, describe, expect, test } from "vitest";
import { noAnswer, Problem } from "../api/problem";
import { Answers } from "../testing-data";
import { useUpdate } from "./useUpdate";

let answers: Answers<{ readonly body: unknown; readonly key: string }>;

const keys = () => answers.asked.map((each) => each.key);

function setup() {
  const { result } = renderHook(() => useUpdate((body: unknown, key) => answers.ask({ body, key })));
  return {
    now: () => result.current,
    /** Sends a body, and gives what the server answers at once. */
    async send(body: unknown, error?: Error): Promise<boolean> {
      let isDone: boolean | undefined;
      await act(async () => {
        const sending = result.current.send(body);
        if (error) answers.last().refuse(error);
        else answers.last().accept();
        isDone = await sending;
      });
      if (isDone === undefined) throw new Error("It was not sent.");
      return isDone;
    },
  };
}

beforeEach(() => { answers = new Answers(); });

describe("an update", () => {
  test("that the server accepts is done, without a problem", async () => {
    const update = setup();
    expect(await update.send({ notes: "x" })).toBe(true);
    expect(answers.asked).toMatchObject([{ body: { notes: "x" } }]);
    expect(update.now()).toMatchObject({ busy: false, problem: null });
  });

  test("is busy while it is sent, and is not sent twice at once", async () => {
    const update = setup();
    let first: Promise<boolean> | undefined;
    act(() => { first = update.now().send({ notes: "x" }); });
    expect(update.now().busy).toBe(true);
    await act(async () => { expect(await update.now().send({ notes: "x" })).toBe(false); });
    expect(answers.asked).toHaveLength(1);
    await act(async () => {
      answers.last().accept();
      expect(await first).toBe(true);
    });
    expect(update.now().busy).toBe(false);
  });

  test.each([
    ["no answer", noAnswer()],
    ["trouble at the server", new Problem("x", 503)],
    ["an error of the page", new TypeError("x is undefined")],
  ])("keeps its key after %s, so that it takes effect once", async (_, error) => {
    const update = setup();
    expect(await update.send({ notes: "x" }, error)).toBe(false);
    expect(update.now().problem?.isUncertain).toBe(true);
    await update.send({ notes: "x" }, error);
    await update.send({ notes: "x" });
    expect(new Set(keys()).size).toBe(1);
  });

  test("with another body after no answer has another key", async () => {
    const update = setup();
    await update.send({ notes: "x" }, noAnswer());
    await update.send({ notes: "y" });
    expect(new Set(keys()).size).toBe(2);
  });

  test("has a new key after a refusal, which is an answer", async () => {
    const update = setup();
    const refusal = new Problem("Too late.", 409);
    expect(await update.send({ notes: "x" }, refusal)).toBe(false);
    expect(update.now().problem).toBe(refusal);
    await update.send({ notes: "x" });
    expect(new Set(keys()).size).toBe(2);
  });

  test("has a new key after it was done, because the same may be wanted again", async () => {
    const update = setup();
    await update.send({ choice: "retry" });
    await update.send({ choice: "retry" });
    expect(new Set(keys()).size).toBe(2);
  });

  test("clears the last problem when it is sent again", async () => {
    const update = setup();
    await update.send({ notes: "x" }, new Problem("Too late.", 409));
    act(() => { void update.now().send({ notes: "y" }); });
    expect(update.now().problem).toBeNull();
    await act(async () => {
      answers.last().accept();
      await Promise.resolve();
    });
  });
});

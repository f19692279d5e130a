import { beforeEach, describe, expect, test } from "vitest";
import { noAnswer, Problem } from "../../api/problem";
import { Answers, attention, summary } from "../../testing-data";
import type { AskingOrder } from "./groups";
import { decideTogether, type Result } from "./together";

const order = (id: string): AskingOrder => ({ ...summary({ id }), attention: attention({ cause: "failed" }) });
const refused = () => new Problem("Nothing is asked about this order now.", 409, { type: "/problems/refused", title: "Title", status: 409 });
const answersArrive = () => new Promise((arrived) => setTimeout(arrived));

let answers: Answers<{ readonly id: string }>;
let told: (readonly Result[])[];
let isOpen: (order: AskingOrder) => Promise<boolean>;

/** Decides about orders, and returns whether all is over. */
function begin(...ids: readonly string[]): { isOver: boolean } {
  const run = { isOver: false };
  const ways = { decide: ({ id }: AskingOrder) => answers.ask({ id }), isOpen: (about: AskingOrder) => isOpen(about) };
  void decideTogether(ids.map(order), ways, (results) => told.push(results)).then(() => { run.isOver = true; });
  return run;
}

beforeEach(() => {
  answers = new Answers();
  told = [];
  isOpen = () => Promise.resolve(true);
});

describe("deciding together", () => {
  test("asks for each order once, four at a time, and tells how far it is", async () => {
    const run = begin("a", "b", "c", "d", "e", "f");
    expect(answers.asked.map((each) => each.id)).toEqual(["a", "b", "c", "d"]);
    answers.asked[1]?.accept();
    await answersArrive();
    expect(answers.asked.map((each) => each.id)).toEqual(["a", "b", "c", "d", "e"]);
    expect(told).toMatchObject([[{ order: { id: "b" }, outcome: "decided" }]]);
    for (let i = 0; i < 6; i++) {
      answers.asked[i]?.accept();
      await answersArrive();
    }
    expect(answers.asked).toHaveLength(6);
    expect(told.at(-1)?.map((each) => each.outcome)).toEqual(Array<string>(6).fill("decided"));
    expect(run.isOver).toBe(true);
  });

  test("is over only when the last is answered", async () => {
    const run = begin("a", "b");
    answers.asked[1]?.accept();
    await answersArrive();
    expect(run.isOver).toBe(false);
    answers.asked[0]?.accept();
    await answersArrive();
    expect(run.isOver).toBe(true);
  });

  test.each([
    ["refused", refused(), "Nothing is asked about this order now."],
    ["without an answer", noAnswer(), noAnswer().message],
    ["something else", new TypeError("broken"), noAnswer().message],
  ])("goes on after one that is undecided, %s, and tells why", async (_, error, why) => {
    begin("a", "b");
    answers.asked[0]?.refuse(error);
    answers.asked[1]?.accept();
    await answersArrive();
    const last = told.at(-1) ?? [];
    expect(last.find((each) => each.order.id === "a")).toMatchObject({ outcome: "undecided", why });
    expect(last.find((each) => each.order.id === "b")).toMatchObject({ outcome: "decided" });
  });

  test("does not count as undecided what somebody else has answered meanwhile", async () => {
    isOpen = ({ id }) => Promise.resolve(id !== "a");
    begin("a", "b");
    for (const each of answers.asked) each.refuse(refused());
    await answersArrive();
    expect(told.at(-1)?.map(({ order: { id }, outcome }) => [id, outcome])).toEqual([["a", "answered"], ["b", "undecided"]]);
  });

  test("does not take an outage for an answer, and asks no more about it", async () => {
    isOpen = () => Promise.resolve(false);
    begin("a");
    answers.last().refuse(noAnswer());
    await answersArrive();
    expect(told.at(-1)?.[0]?.outcome).toBe("undecided");
  });

  test("counts as undecided what was refused if nobody can say whether it is still open", async () => {
    isOpen = () => Promise.reject(noAnswer());
    begin("a");
    answers.last().refuse(refused());
    await answersArrive();
    expect(told.at(-1)).toMatchObject([{ outcome: "undecided", why: "Nothing is asked about this order now." }]);
  });
});

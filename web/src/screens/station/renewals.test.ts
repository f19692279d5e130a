import { beforeEach, describe, expect, test } from "vitest";
import { Answers, at, start, startedTicket } from "../../testing-data";
import { noAnswer, Problem } from "../../api/problem";
import { Renewals } from "./renewals";

let answers: Answers<{ readonly ticketId: string }>;
let renewals: Renewals;

/** A ticket in hand, heard of some seconds after the start, whose owner may be silent for a quarter of an hour. */
const inHand = (heard = 0, ticketId = "a") => startedTicket("Ben", { ticketId, heardAt: at(heard), silentAfterSeconds: 900 });
const moment = (seconds: number) => start + seconds * 1000;
const sent = () => answers.asked.map((each) => each.ticketId);
const answersArrive = () => new Promise((arrived) => setTimeout(arrived));

/** Renewals of one tab, with its own chance. */
const tab = (chance: number) => new Renewals((ticketId) => answers.ask({ ticketId }), () => chance);

beforeEach(() => {
  answers = new Answers();
  renewals = tab(0);
});

describe("a ticket in hand", () => {
  test("is renewed when a third of the time has passed in which its owner may be silent", () => {
    renewals.check([inHand()], moment(299));
    expect(sent()).toEqual([]);
    renewals.check([inHand()], moment(300));
    expect(sent()).toEqual(["a"]);
  });

  test("is renewed again a third after that, for as long as it is in hand", async () => {
    renewals.check([inHand()], moment(300));
    answers.last().accept();
    await answersArrive();
    renewals.check([inHand(301)], moment(600));
    expect(sent()).toHaveLength(1);
    renewals.check([inHand(301)], moment(601));
    expect(sent()).toHaveLength(2);
  });

  test("is renewed beside others, each in its own time", () => {
    const mine = [inHand(0, "a"), inHand(100, "b")];
    renewals.check(mine, moment(300));
    expect(sent()).toEqual(["a"]);
    renewals.check(mine, moment(400));
    expect(sent()).toEqual(["a", "b"]);
  });

  test("is not renewed twice while the answer is under way", () => {
    for (const seconds of [300, 301, 600, 900]) renewals.check([inHand()], moment(seconds));
    expect(sent()).toEqual(["a"]);
  });

  test("is not renewed each second when the board does not follow", async () => {
    renewals.check([inHand()], moment(300));
    answers.last().accept();
    await answersArrive();
    renewals.check([inHand()], moment(599));
    expect(sent()).toHaveLength(1);
    renewals.check([inHand()], moment(600));
    expect(sent()).toHaveLength(2);
  });

  test("is left alone once it is not in hand, or being ended, and counts anew when it is in hand again", async () => {
    renewals.check([inHand()], moment(300));
    answers.last().refuse(noAnswer());
    await answersArrive();
    renewals.check([], moment(900));
    expect(sent()).toHaveLength(1);
    renewals.check([inHand(900)], moment(1_199));
    expect(sent()).toHaveLength(1);
    renewals.check([inHand(900)], moment(1_200));
    expect(sent()).toHaveLength(2);
  });

  test.each([
    ["does not tell how long its owner may be silent", { heardAt: at(0), silentAfterSeconds: 0 }],
    ["does not tell when its owner was heard of", {}],
  ])("is never renewed if it %s", (_, silence) => {
    renewals.check([startedTicket("Ben", silence)], moment(86_400));
    expect(sent()).toEqual([]);
  });
});

describe("several tabs", () => {
  test("renew once: the others see that their person was heard of", async () => {
    const tabs = [tab(0.2), tab(0.9), tab(0.5)];
    const checkAll = (heard: number, seconds: number) => { for (const each of tabs) each.check([inHand(heard)], moment(seconds)); };
    for (let seconds = 1; seconds <= 315; seconds++) checkAll(0, seconds);
    expect(sent(), "the one whose turn comes first").toHaveLength(1);
    answers.last().accept();
    await answersArrive();
    for (let seconds = 316; seconds <= 615; seconds++) checkAll(315, seconds);
    expect(sent()).toHaveLength(1);
  });

  test("have a turn each before half of the time is over", () => {
    tab(0.999).check([inHand()], moment(450));
    expect(sent()).toHaveLength(1);
  });
});

describe("a failure", () => {
  test.each([
    ["without an answer", noAnswer()],
    ["that is a refusal", new Problem("bea has the ticket in hand.", 409)],
  ])("%s is quiet, and tried again several times before the owner is silent", async (_, error) => {
    for (let seconds = 300; seconds < 900; seconds++) {
      const before = sent().length;
      renewals.check([inHand()], moment(seconds));
      if (sent().length === before) continue;
      answers.last().refuse(error);
      await answersArrive();
    }
    expect(sent()).toHaveLength(8);
  });
});

import { expect, test } from "vitest";
import { setBakeryZone } from "../../design/time";
import { delay } from "./testing-data";
import { causeText, delayText, extraText, latenessText, secondsText } from "./words";

test("each cause is told in words, with its stage if there is one", () => {
  expect(causeText("queue", "bake")).toBe("Queue at bake");
  expect(causeText("remake", "bake")).toBe("Made again from the start, after work failed at bake");
  expect(causeText("remake", undefined)).toBe("Made again from the start");
  expect(causeText("silence", "mix")).toBe("Nobody was heard of at mix");
  expect(causeText("failure", "package")).toBe("Work failed at package and was repeated");
  expect(causeText("decision", undefined)).toBe("A manager was asked");
  expect(causeText("late-order", undefined)).toBe("Ordered too late to be ready in time");
  expect(causeText("none", undefined)).toBe("Nothing took longer than usual");
});

test("an order that nobody makes any more is neither in time nor not ready yet", () => {
  setBakeryZone("UTC");
  const { stage: _, ...inTime } = delay({ dueAt: "2026-03-04T08:00:00Z", cause: "none", lateSeconds: 0 });
  const texts = [
    delayText({ ...inTime, state: "in-progress" }),
    delayText({ ...inTime, state: "cancelled" }),
    delayText({ ...inTime, state: "cancelling" }),
    delayText({ ...inTime, state: "needs-attention", withdrawnAt: "2026-03-04T07:00:00Z" }),
    delayText({ ...inTime, state: "shipped" }),
    delayText({ ...inTime, state: "shipped", readyAt: "2026-03-04T07:40:00Z" }),
    delayText(delay({ state: "cancelled", cause: "none" })),
    delayText(delay()),
  ];
  expect(texts.map((text) => text.replaceAll(/Wed.*?(\d+:\d+)( UTC)?/g, "$1"))).toEqual([
    "Nothing took longer than usual. Due 8:00, not ready yet.",
    "Cancelled, and so not late. Due 8:00.",
    "Being cancelled, and so not late. Due 8:00.",
    "Withdrawn since it was ended in Temporal, and so not late. Due 8:00.",
    "Nothing took longer than usual. Due 8:00, ready.",
    "Nothing took longer than usual. Due 8:00, ready 7:40.",
    "Cancelled, and so not late.",
    "Queue at bake.",
  ]);
});

test("an order that is not ready is late so far", () => {
  expect(latenessText({ lateSeconds: 2400, readyAt: "2026-03-04T08:40:00Z" })).toBe("40 min late");
  expect(latenessText({ lateSeconds: 40 })).toBe("40 s late so far");
});

test("a time against the usual has a sign, and what nobody knows a dash", () => {
  expect([extraText(2060), extraText(-25), extraText(0.4)]).toEqual(["+34 min", "−25 s", "as usual"]);
  expect([secondsText(undefined), secondsText(0), secondsText(0.4), secondsText(1.9)]).toEqual(["–", "0 s", "under 1 s", "1 s"]);
});

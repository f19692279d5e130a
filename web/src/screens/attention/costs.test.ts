import { expect, test } from "vitest";
import { askingOrder, attention, pace } from "../../testing-data";
import { costsOf } from "./costs";

const euros = (amount: number) => ({ currency: "EUR", decimals: 2, amount });
const one = askingOrder({ pieces: 6, total: euros(2880) });
const two = [one, askingOrder({ id: "b", pieces: 12, total: euros(1020) })];
const figures = pace(240, 600);

test("another try costs the time from its stage on", () => {
  expect(costsOf("retry", [one], figures)).toEqual(["Nothing more is thrown away.", "The customer waits about 12 min more."]);
  expect(costsOf("retry", two, figures)[1]).toBe("Each customer waits about 12 min more.");
  expect(costsOf("retry", [askingOrder({ attention: attention({ stage: "package" }) })], figures)[1]).toBe("The customer waits about 4 min more.");
  expect(costsOf("retry", [askingOrder({ attention: attention({ undoing: true }) })], figures), "nobody waits for that").toEqual(["Nothing more is thrown away."]);
});

test("a remake costs what was made and the time of all stages", () => {
  expect(costsOf("remake", [one], figures)).toEqual(["Whatever is left of 6 pieces is thrown away.", "A remake takes about 16 min.", "The customer waits about 16 min more."]);
  expect(costsOf("remake", two, figures)).toEqual(["Whatever is left of 18 pieces is thrown away.", "A remake takes about 16 min per order.", "Each customer waits about 16 min more."]);
});

test("to cancel costs what was made and what is not paid", () => {
  expect(costsOf("cancel", [one], figures)).toEqual(["Whatever is left of 6 pieces is thrown away.", "€28.80 will not be paid.", "The customer gets nothing."]);
  expect(costsOf("cancel", two, figures)).toEqual(["Whatever is left of 18 pieces is thrown away.", "€39.00 will not be paid.", "Each customer gets nothing."]);
  const other = askingOrder({ pieces: 1, total: { currency: "USD", decimals: 2, amount: 100 } });
  expect(costsOf("cancel", [one, other], figures)[1], "currencies are not added up").toBe("€28.80 and US$1.00 will not be paid.");
});

test("what nobody knows is not made up", () => {
  const unknown = askingOrder();
  expect(costsOf("cancel", [unknown], figures)).toEqual(["The customer gets nothing."]);
  expect(costsOf("remake", [unknown], undefined)).toEqual(["We can’t estimate yet how long the customer waits."]);
  const [mix, ...others] = figures.stages;
  expect(costsOf("remake", [unknown], { ...figures, stages: mix ? [{ stage: mix.stage, samples: 0 }, ...others] : [] })).toEqual(["We can’t estimate yet how long the customer waits."]);
});

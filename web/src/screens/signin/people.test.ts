import { beforeEach, describe, expect, test } from "vitest";
import { forgetPerson, peopleFor, peopleOfThisDevice, rememberPerson } from "./people";

const key = "cupcakery.people";
const mia = { name: "Mia", role: "mixer" } as const;
const bob = { name: "Bob", role: "baker" } as const;
const max = { name: "Max", role: "manager" } as const;
const names = () => peopleOfThisDevice().map(({ name }) => name);

beforeEach(() => { localStorage.clear(); });

describe("the people of this device", () => {
  test("are those who have signed in, the last one first, each once and with the role of then", () => {
    expect(names()).toEqual([]);
    rememberPerson(mia);
    rememberPerson(bob);
    rememberPerson({ ...mia, role: "decorator" });
    expect(peopleOfThisDevice()).toEqual([{ name: "Mia", role: "decorator" }, bob]);
  });

  test("are eight, and whoever signed in longest ago makes room", () => {
    for (let i = 1; i <= 9; i++) rememberPerson({ name: `P${i}`, role: "mixer" });
    expect(names()).toEqual(["P9", "P8", "P7", "P6", "P5", "P4", "P3", "P2"]);
  });

  test("can be removed", () => {
    rememberPerson(mia);
    rememberPerson(bob);
    expect(forgetPerson("Bob")).toEqual([mia]);
    expect(names()).toEqual(["Mia"]);
  });

  test("are kept with nothing but name and role", () => {
    rememberPerson(Object.assign({ expiresAt: "2026-03-04T09:00:00Z", pin: "314159" }, mia));
    expect(localStorage.getItem(key)).toBe(JSON.stringify([mia]));
  });

  test.each(["", "nonsense", "{}", "null", '[null, 5, {"name": "Mia"}, {"name": "", "role": "mixer"}, {"name": "Mia", "role": "thief"}]'])("are none where %j is stored", (stored) => {
    localStorage.setItem(key, stored);
    expect(names()).toEqual([]);
  });
});

describe("on the way to a page", () => {
  test.each([
    ["/stations/mix", ["Mia", "Max"]],
    ["/stations/bake", ["Bob", "Max"]],
    ["/dashboard", ["Mia", "Bob", "Max"]],
    [undefined, ["Mia", "Bob", "Max"]],
  ])("to %s those are shown who work there", (to, shown) => {
    expect(peopleFor(to, [mia, bob, max]).map(({ name }) => name)).toEqual(shown);
  });
});

import type { SignInName } from "../../api/schema.gen";
import { stageWords } from "../../api/stages.gen";
import { rolesAt } from "../../staff";
import { keep, load } from "../../storage";

// Who has signed in on this device, for the tiles of a shared tablet. Only names and
// roles are kept, and anybody at the device may remove them.

const storageKey = "cupcakery.people";

/** As many people as the server knows a device for. */
const most = 8;

const roles: readonly string[] = [...Object.values(stageWords).map((words) => words.role), "manager"];

/** Who has signed in here, the last one first. */
export function peopleOfThisDevice(): readonly SignInName[] {
  try {
    const stored: unknown = JSON.parse(load(storageKey) ?? "[]");
    return Array.isArray(stored) ? stored.filter(isPerson).slice(0, most) : [];
  } catch {
    return [];
  }
}

function isPerson(value: unknown): value is SignInName {
  const { name, role } = (value ?? {}) as Partial<Record<"name" | "role", unknown>>;
  return typeof name === "string" && name !== "" && typeof role === "string" && roles.includes(role);
}

export function rememberPerson({ name, role }: SignInName): void {
  keepPeople([{ name, role }, ...peopleOfThisDevice().filter((each) => each.name !== name)].slice(0, most));
}

/** Removes a name from this device, and returns the others. */
export function forgetPerson(name: string): readonly SignInName[] {
  const others = peopleOfThisDevice().filter((each) => each.name !== name);
  keepPeople(others);
  return others;
}

function keepPeople(people: readonly SignInName[]): void {
  keep(storageKey, JSON.stringify(people));
}

/** Those who may use the page that somebody is on the way to: at a station, those who work there. */
export function peopleFor(to: string | undefined, people: readonly SignInName[]): readonly SignInName[] {
  const stage = /^\/stations\/([a-z]+)(?:\?|$)/.exec(to ?? "")?.[1];
  return stage === undefined ? people : people.filter((each) => rolesAt(stage).includes(each.role));
}

import { forget, keep, load } from "../../storage";

// Which orders were placed with this browser: their ids only, everything else is
// asked for. Whoever uses this browser can open them, so they can be forgotten.

const storageKey = "cupcakery.orders.1";

/** The most orders that are known; older ones are forgotten. */
const most = 8;

/** The ids, the newest first. */
export function knownOrders(): readonly string[] {
  try {
    const known: unknown = JSON.parse(load(storageKey) ?? "[]");
    return Array.isArray(known) ? known.filter((id): id is string => typeof id === "string" && /^[0-9a-f-]{36}$/.test(id)).slice(0, most) : [];
  } catch {
    return [];
  }
}

export function rememberOrder(id: string): void {
  keep(storageKey, JSON.stringify([id, ...knownOrders().filter((each) => each !== id)].slice(0, most)));
}

export function forgetOrder(id: string): void {
  keep(storageKey, JSON.stringify(knownOrders().filter((each) => each !== id)));
}

export function forgetOrders(): void {
  forget(storageKey);
}

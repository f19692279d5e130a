import type { Draft } from "./draft";

/** What a customer does next: put something into the basket, tell who they are, or order. */
export type NextStep = "choose" | "continue" | "order";

export function nextStep({ lines, name }: Pick<Draft, "lines" | "name">): NextStep {
  if (lines.length === 0) return "choose";
  return name.trim() === "" ? "continue" : "order";
}

/** Where things are in the window, from its top edge. */
interface Places {
  readonly basket: number;
  readonly details: number;
  readonly height: number;
}

/**
 * Where "Continue" leads: first to the basket, if that is still below the window's
 * middle, then to the customer's details; null if these are in sight, and only have to be filled in.
 */
export function continueTo({ basket, details, height }: Places): "basket" | "details" | null {
  if (basket > height / 2) return "basket";
  return details > 0 && details < height * 0.8 ? null : "details";
}

import { useCallback, useRef, useState } from "react";
import { api, newKey } from "../../api/client";
import { asProblem } from "../../api/problem";
import type { OrderSummary, Resolution } from "../../api/schema.gen";
import type { AskingOrder } from "./groups";
import { decideTogether, type Result } from "./together";

/** A decision about many orders. */
export interface Run {
  readonly body: Resolution;
  readonly orders: readonly AskingOrder[];
  /** So far; one for each order when it is over. */
  readonly results: readonly Result[];
}

export function isOver(run: Run): boolean {
  return run.results.length === run.orders.length;
}

/** Decides about orders. Each decision about many has its own key, which it keeps until it is known whether it counts. */
export function useDecidingTogether() {
  const [run, setRun] = useState<Run | null>(null);
  const [decided, setDecided] = useState<ReadonlySet<string>>(new Set());
  const keys = useRef(new Map<string, string>());
  const settle = useCallback((...orders: readonly AskingOrder[]) => { setDecided((before) => new Set([...before, ...orders.map(questionOf)])); }, []);
  const decide = useCallback(async (orders: readonly AskingOrder[], body: Resolution) => {
    setRun({ body, orders, results: [] });
    const ways = {
      decide: async (order: AskingOrder) => {
        const decision = `${questionOf(order)} ${JSON.stringify(body)}`;
        const key = keys.current.get(decision) ?? newKey();
        keys.current.set(decision, key);
        await resolve(order, body, key);
      },
      isOpen,
    };
    await decideTogether(orders, ways, (results) => {
      setRun({ body, orders, results });
      settle(...results.filter((each) => each.outcome !== "undecided").map((each) => each.order));
    });
  }, [settle]);
  const decideOne = useCallback(async (order: AskingOrder, body: Resolution, key: string) => {
    try {
      await resolve(order, body, key);
      settle(order);
    } catch (error) {
      if (asProblem(error).is("/problems/refused") && !(await isOpen(order).catch(() => true))) settle(order);
      throw error;
    }
  }, [settle]);
  /** Whether an order's question is decided or being decided. Lists follow only a moment later. */
  const isSettled = (order: AskingOrder) => decided.has(questionOf(order)) || (run !== null && !isOver(run) && run.orders.some((each) => each.id === order.id));
  return { run, decide, decideOne, isSettled, close: () => { setRun(null); } };
}

/** A list may be a moment behind: another question than the listed one must not be decided. */
async function resolve(order: AskingOrder, body: Resolution, key: string): Promise<void> {
  await api.resolve(order.id, { ...body, since: order.attention.since }, key);
}

/** Whether the question is still open. */
async function isOpen(order: AskingOrder): Promise<boolean> {
  return questionOf(await api.order(order.id)) === questionOf(order);
}

/** Tells an order's question from its earlier and later ones. */
function questionOf({ id, attention }: Pick<OrderSummary, "id" | "attention">): string {
  return `${id} ${attention ? Date.parse(attention.since) : "none"}`;
}

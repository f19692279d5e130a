import type { Attention, Board, BoardRules, BoardTicket, CounterDisplay, KitchenCounts, Limits, LiveMessage, Menu, OrderStatus, OrderSummary, Pace, Stage, StageStatistics, StageStatus, Statistics, StatisticsStep } from "./api/schema.gen";
import { stages } from "./design/stages";
import { Live } from "./live/connection";
import type { AskingOrder } from "./screens/attention/groups";

/** Some moment; all times here count from it. */
export const start = Date.parse("2026-03-04T09:00:00Z");

/** A moment some seconds after the start, as the API writes it. */
export function at(seconds: number): string {
  return new Date(start + seconds * 1000).toISOString();
}

export function ticket(overrides: Partial<BoardTicket> = {}): BoardTicket {
  return {
    ticketId: "0199c0de-7a11-7000-8000-00000000cafe.bake.1",
    kind: "make",
    pass: 1,
    attempt: 1,
    state: "waiting",
    since: at(0),
    issuedAt: at(0),
    ackBy: at(3600),
    lines: [{ flavour: "vanilla", size: "M", quantity: 6 }],
    pickupCode: "K7QF",
    made: false,
    withdrawn: false,
    ...overrides,
  };
}

export function startedTicket(by: string, overrides: Partial<BoardTicket> = {}): BoardTicket {
  return ticket({ state: "started", by, startedAt: at(10), ...overrides });
}

export function doneTicket(by: string, endedAt: string, overrides: Partial<BoardTicket> = {}): BoardTicket {
  return ticket({ state: "done", by, endedAt, ...overrides });
}

export function undoTicket(overrides: Partial<BoardTicket> = {}): BoardTicket {
  return ticket({ ticketId: "0199c0de-7a11-7000-8000-00000000cafe.bake.1.undo", kind: "undo", made: true, ...overrides });
}

export const rules: BoardRules = {
  dueSoonSeconds: 900,
  lateAfterSeconds: 300,
  overdueAfterSeconds: 600,
  reasons: [
    { code: "burnt", label: "Burnt", remake: true },
    { code: "oven-down", label: "Oven is down", remake: false },
  ],
};

export function board(overrides: Partial<Board> = {}): Board {
  return { stage: "bake", rules, at: at(0), cursor: "e.1", tickets: [], ended: [], ...overrides };
}

export const limits: Limits = { nameLength: 20, lines: 3, quantity: 500, messageLength: 10, notesLength: 50, allergies: 3, allergyLength: 8 };

export function menu(overrides: Partial<Menu> = {}): Menu {
  return {
    flavours: [
      { code: "vanilla", name: "Vanilla", allergens: ["egg", "milk", "wheat"] },
      { code: "nut", name: "Nutty", allergens: ["Nuts", "wheat"] },
      { code: "lemon", name: "Lemon", allergens: [] },
    ],
    sizes: [
      { code: "M", label: "Medium" },
      { code: "L", label: "Large", grams: 110 },
    ],
    limits,
    soldOut: [],
    timezone: "UTC",
    reasons: [{ code: "burnt", label: "Burnt" }, { code: "oven-down", label: "Oven is down" }],
    ...overrides,
  };
}

export function row(stage: Stage, state: StageStatus["state"], overrides: Partial<StageStatus> = {}): StageStatus {
  return { stage, pass: 1, attempt: 1, state, ...overrides };
}

export function order(overrides: Partial<OrderStatus> = {}): OrderStatus {
  return {
    id: "0199c0de-7a11-7000-8000-00000000cafe",
    pickupCode: "K7QF",
    state: "in-progress",
    route: ["mix", "bake", "decorate", "package"],
    customer: { name: "Ada" },
    lines: [{ flavour: "vanilla", size: "M", quantity: 6 }],
    placedAt: at(0),
    stages: [],
    remakes: 0,
    scrapped: 0,
    stale: false,
    ...overrides,
  };
}

/** An order in a list. */
export function summary(overrides: Partial<OrderSummary> = {}): OrderSummary {
  return { id: "0199c0de-7a11-7000-8000-00000000cafe", pickupCode: "K7QF", state: "needs-attention", customer: { name: "Ada" }, flavours: ["vanilla"], placedAt: at(0), ...overrides };
}

/** An order in a list about which a manager is asked. */
export function askingOrder(overrides: Partial<AskingOrder> = {}): AskingOrder {
  return { ...summary(), attention: attention(), ...overrides };
}

export function attention(overrides: Partial<Attention> = {}): Attention {
  return { reason: "It failed.", stage: "bake", pass: 1, since: at(600), choices: ["retry", "remake", "cancel"], ...overrides };
}

/** Every stage takes the same time. */
export function pace(typicalSeconds: number, slowSeconds: number, overrides: Partial<Pace> = {}): Pace {
  return { at: at(0), stages: stages.map((stage) => ({ stage, samples: 10, typicalSeconds, slowSeconds })), ...overrides };
}

export function statistics(overrides: Partial<Statistics> = {}): Statistics {
  return { at: at(0), from: at(0), stepSeconds: 300, stages: [], placed: [], failures: [], ...overrides };
}

export function stageStatistics(steps: readonly Partial<StatisticsStep>[]): StageStatistics {
  return { stage: "bake", steps: steps.map((step) => ({ done: 0, failed: 0, ...step })) };
}

export function kitchen(needsAttention: number): KitchenCounts {
  return { at: at(0), questionsVersion: 1, stages: [], state: { soldOut: [], paused: [], uncollected: 0, readyVersion: 0 }, orders: { scheduled: 0, inProgress: 0, needsAttention, cancelling: 0 } };
}

export function counter(...ready: readonly string[]): CounterDisplay {
  return { at: at(0), preparing: [], ready: ready.map((pickupCode) => ({ pickupCode, since: at(0) })) };
}

/** A connection without messages, some seconds after the start. */
export function silentLive(seconds = 0): Live {
  const now = () => start + seconds * 1000;
  return new Live({ open: () => { throw new Error("Nothing is followed here."); }, timeOfDay: now, monotonic: now, random: () => 0 });
}

/** A connection that is up to date, some seconds after the start. */
export function currentLive(seconds = 0): Live {
  const { live, deliver } = drivenLive(seconds);
  live.follow("kitchen", () => undefined);
  deliver({ type: "state", at: at(seconds) });
  return live;
}

/** A connection on which the test delivers the messages, some seconds after the start. */
export function drivenLive(seconds = 0) {
  const now = () => start + seconds * 1000;
  const socket = { close: () => undefined, send: () => undefined } as unknown as WebSocket;
  const live = new Live({ open: () => socket, timeOfDay: now, monotonic: now, random: () => 0 });
  return { live, deliver: (message: LiveMessage) => { socket.onmessage?.(new MessageEvent("message", { data: JSON.stringify(message) })); } };
}

/** A server that answers when the test says so. */
export class Answers<Request> {
  readonly asked: (Request & { readonly accept: () => void; readonly refuse: (error: unknown) => void })[] = [];

  ask(request: Request): Promise<void> {
    return new Promise((accept, refuse) => { this.asked.push({ ...request, accept, refuse }); });
  }

  last() {
    const last = this.asked.at(-1);
    if (!last) throw new Error("Nothing was sent.");
    return last;
  }
}

/** The labels of the tests' reasons. */
export const labelOf = (reason: string) => ({ burnt: "Burnt", "oven-down": "Oven is down" })[reason] ?? reason;

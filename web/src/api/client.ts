import type { Ack, Amendment, BoardTicket, Cancellation, DemoStaff, HistoryBottleneck, HistoryDay, HistoryDays, HistoryDelay, HistoryForecast, HistoryOrders, HistoryStages, HistoryTrace, KitchenState, Menu, Order, OrderExplanation, OrderPage, OrderState, OrderStatus, Pace, ReadyOrder, ReadyOrders, Resolution, Session, SignIn, SignInNames, Slots, Stage, StandingOrder, StandingOrderRequest, StandingOrders, Statistics, Wall } from "./schema.gen";
import { cleanText } from "../text";
import { noAnswer, Problem, problemOf } from "./problem";

interface Request {
  readonly body?: unknown;
  /** The idempotency key, which makes a change safe to repeat. */
  readonly key?: string;
  readonly signal?: AbortSignal;
  /** Lets the request outlive the page. */
  readonly keepalive?: boolean;
}

/** Which orders a list has, and which page of them. */
export interface OrderFilters {
  readonly state?: OrderState;
  readonly stage?: Stage;
  /** A pickup code or parts of a name. */
  readonly q?: string;
  readonly day?: string;
  readonly limit?: number;
  readonly pageToken?: string;
}

/** Which tickets a trace finds: those on a ticket's tray, or those that ended at a stage within a time. */
export type Traced =
  | { readonly ticket: string }
  | { readonly stage: Stage; readonly from: string; readonly to: string; readonly flavour?: string; readonly worker?: string };

const base = "/api/v1";
/** What only a demonstration has is no part of the API. */
const demo = "/demo";

/** Who works at a station of a demonstration: its robot, or who has taken the robot's seat. */
export interface Seat {
  readonly robot: string;
  readonly by?: string;
}

/** A new idempotency key: a request that is repeated with it takes effect once. */
export function newKey(): string {
  // Browsers have randomUUID on https and localhost only; a tablet in the kitchen may use neither.
  if (typeof crypto.randomUUID === "function") return crypto.randomUUID();
  const bytes = crypto.getRandomValues(new Uint8Array(16));
  return [...bytes].map((byte) => byte.toString(16).padStart(2, "0")).join("");
}

/** Texts are sent without characters that nobody sees. */
const cleaned = (_: string, value: unknown) => (typeof value === "string" ? cleanText(value) : value);

async function ask(method: string, path: string, { body, key, signal, keepalive }: Request = {}): Promise<Response> {
  const headers = new Headers({ Accept: "application/json" });
  if (body !== undefined) headers.set("Content-Type", "application/json");
  if (key !== undefined) headers.set("Idempotency-Key", key);
  let response: Response;
  try {
    response = await fetch(path.startsWith(demo) ? path : base + path, {
      method,
      headers,
      cache: "no-store",
      credentials: "same-origin",
      ...(body !== undefined && { body: JSON.stringify(body, cleaned) }),
      ...(signal && { signal }),
      ...(keepalive && { keepalive }),
    });
  } catch (error) {
    if (signal?.aborted) throw error;
    throw noAnswer();
  }
  if (!response.ok) throw await problemOf(response);
  return response;
}

/** An answer that is cut off, or comes from a proxy, counts as none. */
async function askFor<T>(method: string, path: string, request: Request): Promise<T> {
  const response = await ask(method, path, request);
  try {
    return (await response.json()) as T;
  } catch (error) {
    if (request.signal?.aborted) throw error;
    throw noAnswer();
  }
}

const get = <T>(path: string, signal?: AbortSignal) => askFor<T>("GET", path, signal ? { signal } : {});
const post = <T>(path: string, request: Request) => askFor<T>("POST", path, request);

function historyPath(report: string, search: Readonly<Record<string, string | undefined>> = {}): string {
  const given = Object.entries(search).flatMap(([name, value]) => (value === undefined ? [] : [[name, value]]));
  return `/history/${report}${given.length > 0 ? `?${new URLSearchParams(given).toString()}` : ""}`;
}

/** The address of a file with what the ledger tells. */
export function historyFile(report: string, search: Readonly<Record<string, string | undefined>> = {}): string {
  return base + historyPath(report, { ...search, format: "csv" });
}

const standing = (id: string) => `/standing-orders/${encodeURIComponent(id)}`;
const order = (id: string) => `/orders/${encodeURIComponent(id)}`;

/** The API, operation by operation. Failures are thrown as a Problem. */
export const api = {
  menu: (signal?: AbortSignal) => get<Menu>("/menu", signal),
  slots: (day: string, pieces: number, signal?: AbortSignal) =>
    get<Slots>(`/slots?${new URLSearchParams({ ...(day && { day }), pieces: String(pieces) }).toString()}`, signal),
  pace: (signal?: AbortSignal) => get<Pace>("/pace", signal),
  statistics: (signal?: AbortSignal) => get<Statistics>("/statistics", signal),

  createOrder: (body: Order, key: string) => post<OrderStatus>("/orders", { body, key }),
  order: (id: string, signal?: AbortSignal) => get<OrderStatus>(order(id), signal),
  orders: (filters: OrderFilters, signal?: AbortSignal) => get<OrderPage>(`/orders?${new URLSearchParams(Object.entries(filters).map(([name, value]) => [name, String(value)])).toString()}`, signal),
  explanation: (id: string, signal?: AbortSignal) => get<OrderExplanation>(`${order(id)}/explanation`, signal),
  cancel: (id: string, body: Cancellation, key: string) => post<OrderStatus>(`${order(id)}/cancel`, { body, key }),
  amend: (id: string, body: Amendment, key: string) => post<OrderStatus>(`${order(id)}/amend`, { body, key }),
  resolve: (id: string, body: Resolution, key: string) => post<OrderStatus>(`${order(id)}/resolve`, { body, key }),

  /** What is ready and was not collected, the oldest first; with a search, what that means. */
  ready: (q: string, limit: number, signal?: AbortSignal) => get<ReadyOrders>(`/kitchen/ready?${new URLSearchParams({ ...(q && { q }), limit: String(limit) }).toString()}`, signal),
  wall: (signal?: AbortSignal) => get<Wall>("/wall", signal),
  /** Lets this browser follow the counter, by the operator's token. */
  async openWall(token: string): Promise<void> {
    await ask("POST", "/wall", { body: { token } });
  },
  /** Says that a flavour is sold out, until a time if it is known. */
  soldOut: (flavour: string, until?: string) => askFor<KitchenState>("PUT", `/kitchen/sold-out/${encodeURIComponent(flavour)}`, { body: until === undefined ? {} : { until } }),
  backOnSale: (flavour: string) => askFor<KitchenState>("DELETE", `/kitchen/sold-out/${encodeURIComponent(flavour)}`, {}),
  pause: (stage: Stage, reason: string) => askFor<KitchenState>("PUT", `/kitchen/paused/${stage}`, { body: reason ? { reason } : {} }),
  resume: (stage: Stage) => askFor<KitchenState>("DELETE", `/kitchen/paused/${stage}`, {}),
  async collected({ id }: Pick<ReadyOrder, "id">, is: boolean): Promise<void> {
    await ask(is ? "PUT" : "DELETE", `${order(id)}/collected`);
  },
  /** Lets an order go first for a reason, or without one wait for its turn again. */
  async rush(id: string, reason: string | null): Promise<void> {
    await (reason === null ? ask("DELETE", `${order(id)}/rush`) : ask("PUT", `${order(id)}/rush`, { body: { reason } }));
  },

  historyDays: (from: string, to: string, signal?: AbortSignal) => get<HistoryDays>(historyPath("days", { from, to }), signal),
  historyDay: (day: string, signal?: AbortSignal) => get<HistoryDay>(historyPath(`days/${day}`), signal),
  historyStages: (from: string, to: string, signal?: AbortSignal) => get<HistoryStages>(historyPath("stages", { from, to }), signal),
  forecast: (day: string, signal?: AbortSignal) => get<HistoryForecast>(historyPath("forecast", { day }), signal),
  bottleneck: (signal?: AbortSignal) => get<HistoryBottleneck>(historyPath("bottleneck"), signal),
  ordersByCode: (pickupCode: string, signal?: AbortSignal) => get<HistoryOrders>(historyPath("orders", { pickupCode }), signal),
  delay: (id: string, signal?: AbortSignal) => get<HistoryDelay>(historyPath(`orders/${encodeURIComponent(id)}/delay`), signal),
  trace: (traced: Traced, signal?: AbortSignal) => get<HistoryTrace>(historyPath("trace", { ...traced }), signal),

  standing: (signal?: AbortSignal) => get<StandingOrders>("/standing-orders", signal),
  takeStanding: (body: StandingOrderRequest, key: string) => post<StandingOrder>("/standing-orders", { body, key }),
  async pauseStanding(id: string, is: boolean): Promise<void> {
    await ask(is ? "PUT" : "DELETE", `${standing(id)}/paused`);
  },
  async endStanding(id: string): Promise<void> {
    await ask("DELETE", standing(id));
  },

  /** Is sent even if the page is left at that moment. */
  ack: (stage: Stage, ticketId: string, body: Ack) =>
    post<BoardTicket>(`/stations/${stage}/tickets/${encodeURIComponent(ticketId)}/acks`, { body, keepalive: true }),

  /** Who is signed in; null if nobody is. */
  async session(signal?: AbortSignal): Promise<Session | null> {
    try {
      return await get<Session>("/session", signal);
    } catch (error) {
      if (error instanceof Problem && error.is("/problems/not-signed-in", "/problems/no-staff")) return null;
      throw error;
    }
  },
  signIn: (body: SignIn) => post<Session>("/session", { body }),
  async signOut(): Promise<void> {
    await ask("DELETE", "/session");
  },
  /** Takes the seat of a demonstration's robot (PUT), shows that one is still there (POST) or hands it back (DELETE); null where there are no robots. */
  async seat(method: "PUT" | "POST" | "DELETE", stage: Stage): Promise<Seat | null> {
    try {
      return await askFor<Seat>(method, `${demo}/seats/${stage}`, {});
    } catch (error) {
      if (error instanceof Problem && error.status === 404) return null;
      throw error;
    }
  },
  /** Who may sign in; empty unless everybody may know. */
  signInNames: async (signal?: AbortSignal): Promise<SignInNames["people"]> => (await get<SignInNames>("/session/names", signal)).people,
  /** Names and PINs to try the factory with; empty unless it is a demo. */
  async demoStaff(signal?: AbortSignal): Promise<DemoStaff["staff"]> {
    try {
      return (await get<DemoStaff>("/session/demo", signal)).staff;
    } catch (error) {
      if (error instanceof Problem && error.status === 404) return [];
      throw error;
    }
  },
};

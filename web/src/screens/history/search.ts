import type { Stage } from "../../api/schema.gen";
import { isStage } from "../../design/stages";
import { searchAsText } from "../../search";

export type Tab = "day" | "trends" | "ahead" | "trace";

/** The spans of days that trends can be shown for. */
export const spans = [7, 28, 90] as const;
export type Span = (typeof spans)[number];

/** What the page of history shows, as its address says. What is absent has its usual value. */
export interface Search {
  /** Absent on the page of a day. */
  readonly tab?: Exclude<Tab, "day">;
  /** Of the day's page, or of the forecast. */
  readonly day?: string;
  /** The pickup code of the late order that is explained. */
  readonly late?: string;
  readonly range?: Span;
  readonly heat?: Stage;
  readonly stage?: Stage;
  readonly flavour?: string;
  readonly worker?: string;
  /** By the bakery's clock. */
  readonly from?: string;
  readonly to?: string;
  readonly ticket?: string;
  /** The pickup code of the orders that are looked for. */
  readonly code?: string;
}

/** What a pickup code looks like. */
const pickupCode = /^[0-9A-Z]{4}$/;

type Given = Readonly<Record<string, unknown>>;

/** Reads the search of an address; what makes no sense is left out, and what another tab shows too. */
export function searchOf(given: Given): Search {
  const tab = tabOf(given);
  if (tab === "trends") return { tab, ...one(given, "range", (value) => spans.find((span) => span === Number(value))), ...one(given, "heat", stageOf) };
  if (tab === "ahead") return { tab, ...one(given, "day", dayOf) };
  if (tab === "trace") {
    const ticket = one(given, "ticket", textOf);
    if (ticket.ticket !== undefined) return { tab, ...ticket };
    const code = one(given, "code", codeOf);
    if (code.code !== undefined) return { tab, ...code };
    return { tab, ...one(given, "stage", stageOf), ...one(given, "flavour", textOf), ...one(given, "worker", textOf), ...one(given, "from", wallOf), ...one(given, "to", wallOf) };
  }
  return { ...one(given, "day", dayOf), ...one(given, "late", textOf) };
}

function tabOf(given: Given): Tab {
  const { tab } = given;
  if (tab === "trends" || tab === "ahead" || tab === "trace") return tab;
  if ("range" in given) return "trends";
  return "ticket" in given || "code" in given || "stage" in given ? "trace" : "day";
}

function one<Name extends keyof Search>(given: Given, name: Name, read: (value: unknown) => Search[Name] | undefined): Pick<Search, Name> | Partial<Record<Name, never>> {
  const value = read(given[name]);
  return value === undefined ? {} : ({ [name]: value } as Pick<Search, Name>);
}

const stageOf = (value: unknown) => (typeof value === "string" && isStage(value) ? value : undefined);

function textOf(value: unknown): string | undefined {
  return typeof value === "string" && value.trim() !== "" ? value.trim().slice(0, 100) : undefined;
}

function codeOf(value: unknown): string | undefined {
  const code = textOf(value)?.toUpperCase();
  return code !== undefined && pickupCode.test(code) ? code : undefined;
}

function dayOf(value: unknown): string | undefined {
  return typeof value === "string" && /^\d{4}-\d\d-\d\d$/.test(value) && !Number.isNaN(Date.parse(value)) ? value : undefined;
}

function wallOf(value: unknown): string | undefined {
  return typeof value === "string" && /^\d{4}-\d\d-\d\dT\d\d:\d\d$/.test(value) && !Number.isNaN(Date.parse(value)) ? value : undefined;
}

/** The address of the page that shows this. */
export const hrefOf = (search: Search): string => `/history${searchAsText.stringifySearch(search)}`;

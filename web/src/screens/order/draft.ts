import { allergensMet, allergyConflicts, type AllergyConflict } from "../../allergens";
import { newKey } from "../../api/client";
import type { FieldError, Limits, Line, Menu, Money, Order, Size } from "../../api/schema.gen";
import { forget, keep, load } from "../../storage";
import { cleanText } from "../../text";
import { soldOutText } from "./soldOut";

/** Orders that were sent with one key. Nobody knows whether one of them was accepted. */
export interface Unanswered {
  readonly key: string;
  /** As they were sent, the newest last. */
  readonly bodies: readonly string[];
}

/** What a customer has filled in so far. */
export interface Draft {
  readonly lines: readonly Line[];
  readonly name: string;
  /** As typed; may stay empty. */
  readonly phone: string;
  /** Allergens of the menu that must not be in it. */
  readonly allergens: readonly string[];
  /** Others as typed, separated by commas. */
  readonly otherAllergies: string;
  /** What the customer wants although they are allergic to it, each as `conflicts` has it. */
  readonly confirmed: readonly string[];
  readonly notes: string;
  /** It is wanted as soon as possible, or for a slot. */
  readonly when: "now" | "later";
  /** The beginning of the slot; empty while none is chosen. */
  readonly pickupAt: string;
  /** The order that the basket was filled from, and what of it was left out. */
  readonly again?: { readonly code: string; readonly left: readonly string[] };
  /** What was sent and has had no certain answer yet. */
  readonly sent?: Unanswered;
}

export const emptyDraft: Draft = { lines: [], name: "", phone: "", allergens: [], otherAllergies: "", confirmed: [], notes: "", when: "now", pickupAt: "" };

/** The order that a draft stands for, at the total that the customer has seen, if there is one. */
export function orderOf(draft: Draft, menu: Pick<Menu, "flavours">, total?: Money): Order {
  const allergies = allergiesOf(draft);
  const notes = cleanText(draft.notes).trim();
  const phone = phoneOf(draft);
  return {
    customer: { name: cleanText(draft.name).trim() },
    ...(phone && { phone }),
    lines: draft.lines,
    ...(notes && { notes }),
    ...(allergies.length > 0 && { allergies }),
    ...(isConfirmed(draft, menu) && { allergyConfirmed: true }),
    ...(total && { total }),
    ...(draft.when === "later" && draft.pickupAt && { pickupAt: draft.pickupAt }),
  };
}

/** The number as it is sent: address books put spaces and marks into it that nobody sees. */
function phoneOf({ phone }: Draft): string {
  return cleanText(phone).replace(/\p{Cf}/gu, "").replace(/\s/g, " ").replace(/\p{Pd}/gu, "-").trim();
}

function checkPhone(phone: string): string | undefined {
  if (phone === "") return undefined;
  if (!/^[ ()-]*\+?[0-9 ()-]*$/.test(phone)) return "Use digits, spaces, +, - and brackets only, such as +49 30 5550123.";
  const digits = (phone.includes("+") ? phone.replace("(0)", "") : phone).replace(/[^0-9]/g, "").length;
  return digits < 6 || digits > 15 || phone.length > 24 ? "From 6 to 15 digits: give the whole number, or leave it empty." : undefined;
}

export function allergiesOf(draft: Draft): readonly string[] {
  const others = cleanText(draft.otherAllergies).split(",").map((each) => each.trim()).filter(Boolean);
  return [...new Set([...draft.allergens, ...others])];
}

/** Adds a line to the basket; a line that differs in nothing but its quantity is added to the other one. */
export function addLine(lines: readonly Line[], line: Line, limits: Limits): readonly Line[] {
  const same = lines.findIndex((each) => each.flavour === line.flavour && each.size === line.size && (each.message ?? "") === (line.message ?? ""));
  const known = lines[same];
  if (!known) return [...lines, line];
  return lines.with(same, { ...known, quantity: Math.min(limits.quantity, known.quantity + line.quantity) });
}

export function newLine(flavour: string, size: Size, quantity: number, message: string): Line {
  const piped = cleanText(message).trim();
  return { flavour, size, quantity, ...(piped && { message: piped }) };
}

/** The number of characters as the API counts them: code points of the text that is sent. */
export function lengthOf(text: string): number {
  return Array.from(cleanText(text)).length;
}

export interface Faults {
  readonly name?: string;
  readonly phone?: string;
  readonly notes?: string;
  readonly allergies?: string;
  /** A flavour meets an allergy, and that is not confirmed. */
  readonly confirmed?: string;
  /** About the time at which it is fetched. */
  readonly when?: string;
  /** About the basket as a whole. */
  readonly basket?: string;
  /** About single lines of the basket, by their index. */
  readonly lines: Readonly<Record<number, string>>;
}

export const noFaults: Faults = { lines: {} };

export function hasFaults(faults: Faults): boolean {
  return Boolean(faults.name ?? faults.phone ?? faults.notes ?? faults.allergies ?? faults.confirmed ?? faults.when ?? faults.basket) || Object.keys(faults.lines).length > 0;
}

/** What is wrong with the draft, before it is sent. The server checks again. */
export function check(draft: Draft, menu: Menu): Faults {
  const { limits } = menu;
  const order = orderOf(draft, menu);
  const tooLong = (text: string, most: number) => (lengthOf(text) > most ? `At most ${most} characters: ${lengthOf(text) - most} too many.` : undefined);
  const name = order.customer.name ? tooLong(order.customer.name, limits.nameLength) : "Tell us a name to call out.";
  const phone = checkPhone(order.phone ?? "");
  const notes = tooLong(order.notes ?? "", limits.notesLength);
  const allergies = (order.allergies ?? []).length > limits.allergies
    ? `At most ${limits.allergies} allergies.`
    : order.allergies?.map((each) => tooLong(each, limits.allergyLength)).find(Boolean);
  const confirmed = conflicts(draft, menu).length > 0 && !isConfirmed(draft, menu) ? "Tick it if you want that all the same, or remove it from the basket." : undefined;
  const when = draft.when === "later" && !draft.pickupAt ? "Choose a day and a time." : undefined;
  const basket = draft.lines.length === 0 ? "Put at least one cupcake into the basket." : draft.lines.length > limits.lines ? `At most ${limits.lines} different kinds: remove some.` : undefined;
  const lines: Record<number, string> = {};
  draft.lines.forEach((line, i) => {
    const fault = checkLine(line, menu);
    if (fault) lines[i] = fault;
  });
  return { ...(name && { name }), ...(phone && { phone }), ...(notes && { notes }), ...(allergies && { allergies }), ...(confirmed && { confirmed }), ...(when && { when }), ...(basket && { basket }), lines };
}

/** What is still wrong after a change: a field with a fault is checked again while somebody corrects it. */
export function faultsAfter(change: Partial<Draft>, faults: Faults, draft: Draft, menu: Menu): Faults {
  if (!hasFaults(faults)) return faults;
  const now = check(draft, menu);
  const name = "name" in change ? faults.name && now.name : faults.name;
  const phone = "phone" in change ? faults.phone && now.phone : faults.phone;
  const notes = "notes" in change ? faults.notes && now.notes : faults.notes;
  const allergies = "allergens" in change || "otherAllergies" in change ? faults.allergies && now.allergies : faults.allergies;
  const confirmed = "confirmed" in change || "allergens" in change || "otherAllergies" in change || "lines" in change ? faults.confirmed && now.confirmed : faults.confirmed;
  const when = "when" in change || "pickupAt" in change ? faults.when && now.when : faults.when;
  const basket = "lines" in change ? faults.basket && now.basket : faults.basket;
  // The other lines move up when one is removed.
  const lines = "lines" in change && Object.keys(faults.lines).length > 0 ? now.lines : faults.lines;
  return { ...(name && { name }), ...(phone && { phone }), ...(notes && { notes }), ...(allergies && { allergies }), ...(confirmed && { confirmed }), ...(when && { when }), ...(basket && { basket }), lines };
}

function checkLine(line: Line, menu: Menu): string | undefined {
  const { flavours, sizes, limits } = menu;
  if (!flavours.some((flavour) => flavour.code === line.flavour)) return "We do not have this flavour any more: remove it.";
  const soldOut = soldOutText(menu, line.flavour);
  if (soldOut) return `${soldOut}: remove it, or choose another flavour.`;
  if (!sizes.some((size) => size.code === line.size)) return "We do not have this size any more: choose another.";
  if (!Number.isInteger(line.quantity) || line.quantity < 1 || line.quantity > limits.quantity) return `From 1 to ${limits.quantity} pieces.`;
  if (lengthOf(line.message ?? "") > limits.messageLength) return `At most ${limits.messageLength} characters fit on a cupcake.`;
  return undefined;
}

/** The server's errors, by the fields that they are about. The rest has no field here. */
export function faultsOf(errors: readonly FieldError[]): { readonly faults: Faults; readonly rest: readonly string[] } {
  let faults: { name?: string; phone?: string; notes?: string; allergies?: string; confirmed?: string; when?: string; basket?: string } = {};
  const lines: Record<number, string> = {};
  const rest: string[] = [];
  for (const { pointer, detail } of errors) {
    const [, first, second] = (pointer ?? "").split("/");
    const text = `${detail.charAt(0).toUpperCase()}${detail.slice(1)}.`;
    if (first === "customer") faults = { ...faults, name: text };
    else if (first === "phone") faults = { ...faults, phone: text };
    else if (first === "notes") faults = { ...faults, notes: text };
    else if (first === "allergies") faults = { ...faults, allergies: text };
    else if (first === "allergyConfirmed") faults = { ...faults, confirmed: text };
    else if (first === "pickupAt") faults = { ...faults, when: text };
    else if (first === "lines" && second !== undefined) lines[Number(second)] ??= text;
    else if (first === "lines") faults = { ...faults, basket: text };
    else rest.push(text);
  }
  return { faults: { ...faults, lines }, rest };
}

/** An ordered flavour that contains what the customer must not eat. */
export interface Conflict extends AllergyConflict {
  readonly name: string;
  /** What is confirmed, so that another allergen of it must be confirmed anew. */
  readonly confirmation: string;
}

/** Flavours in the basket that meet one of the customer's allergies. */
export function conflicts(draft: Draft, menu: Pick<Menu, "flavours">): readonly Conflict[] {
  return allergyConflicts(menu, draft.lines, allergiesOf(draft)).map((conflict) => ({
    ...conflict,
    name: menu.flavours.find(({ code }) => code === conflict.flavour)?.name ?? conflict.flavour,
    confirmation: [conflict.flavour, ...conflict.allergens].join(" "),
  }));
}

/** Whether there are such flavours, and the customer has confirmed each. */
function isConfirmed(draft: Draft, menu: Pick<Menu, "flavours">): boolean {
  const met = conflicts(draft, menu);
  return met.length > 0 && met.every(({ confirmation }) => draft.confirmed.includes(confirmation));
}

/** What somebody must know who is about to choose a flavour; null if nothing is known to be in it that they must not eat. */
export function warningOf(flavour: string, draft: Draft, menu: Menu): string | null {
  const found = menu.flavours.find(({ code }) => code === flavour);
  const allergens = found ? allergensMet(found.allergens, allergiesOf(draft)) : [];
  return found && allergens.length > 0 ? `You said that you are allergic. ${found.name} contains ${andText(allergens)}.` : null;
}

/** "egg, milk and wheat". */
export function andText(words: readonly string[]): string {
  return new Intl.ListFormat("en-GB").format(words);
}

/**
 * The draft as it is about to be sent. As long as nobody knows whether an order
 * that was sent before was accepted, the key stays, even if the customer has
 * changed the order since: a new key could turn one order into two.
 */
export function readyToSend(draft: Draft, menu: Pick<Menu, "flavours">, total?: Money): Draft & Required<Pick<Draft, "sent">> {
  const body = JSON.stringify(orderOf(draft, menu, total));
  const earlier = (draft.sent?.bodies ?? []).filter((each) => each !== body);
  return { ...draft, sent: { key: draft.sent?.key ?? newKey(), bodies: [...earlier, body] } };
}

const storageKey = "cupcakery.draft.2";

export function loadDraft(): Draft {
  try {
    const draft = { ...emptyDraft, ...(JSON.parse(load(storageKey) ?? "{}") as Partial<Draft>) };
    return isDraft(draft) ? draft : emptyDraft;
  } catch {
    return emptyDraft;
  }
}

/** An older page may have stored it, or something else. */
function isDraft({ lines, name, phone, allergens, otherAllergies, confirmed, notes, when, pickupAt, again, sent }: Partial<Record<keyof Draft, unknown>>): boolean {
  const areTexts = (list: unknown) => Array.isArray(list) && list.every((each) => typeof each === "string");
  const isLine = (line: unknown) =>
    typeof line === "object" && line !== null && "flavour" in line && typeof line.flavour === "string" && "size" in line && typeof line.size === "string" && "quantity" in line && typeof line.quantity === "number";
  return (
    Array.isArray(lines) && lines.every(isLine) && areTexts(allergens) && areTexts(confirmed) &&
    (when === "now" || when === "later") && [name, phone, otherAllergies, notes, pickupAt].every((text) => typeof text === "string") &&
    (again === undefined || (typeof again === "object" && again !== null && "code" in again && typeof again.code === "string" && "left" in again && areTexts(again.left))) &&
    (sent === undefined || (typeof sent === "object" && sent !== null && "key" in sent && typeof sent.key === "string" && "bodies" in sent && areTexts(sent.bodies)))
  );
}

export function keepDraft(draft: Draft): void {
  keep(storageKey, JSON.stringify(draft));
}

export function forgetDraft(): void {
  forget(storageKey);
}

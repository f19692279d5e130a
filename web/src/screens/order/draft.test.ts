import { afterEach, beforeEach, describe, expect, test, vi } from "vitest";
import { limits, menu } from "../../testing-data";
import { addLine, allergiesOf, check, conflicts, emptyDraft, faultsAfter, faultsOf, forgetDraft, hasFaults, keepDraft, lengthOf, loadDraft, newLine, noFaults, orderOf, readyToSend, type Draft } from "./draft";

const cake = "🧁"; // one code point, two of JavaScript's characters

/** A draft that can be ordered. */
function draft(overrides: Partial<Draft> = {}): Draft {
  return { ...emptyDraft, name: "Ada", lines: [{ flavour: "vanilla", size: "M", quantity: 6 }], ...overrides };
}

describe("the order of a draft", () => {
  test("has only what was filled in", () => {
    expect(orderOf(draft(), menu())).toEqual({ customer: { name: "Ada" }, lines: draft().lines });
  });

  test("has the total that the customer has seen, which makes it another order at another price", () => {
    const total = { currency: "EUR", decimals: 2, amount: 1440 };
    expect(orderOf(draft(), menu(), total).total).toEqual(total);
    expect(orderOf(draft(), menu())).not.toHaveProperty("total");
    const sent = readyToSend(draft(), menu(), total);
    expect(readyToSend(sent, menu(), total).sent).toEqual(sent.sent);
    expect(readyToSend(sent, menu(), { ...total, amount: 1560 }).sent.bodies).toHaveLength(2);
  });

  test("has no space around name and notes", () => {
    const made = orderOf(draft({ name: "  Ada ", notes: "\n ring the bell  " }), menu());
    expect(made.customer.name).toBe("Ada");
    expect(made.notes).toBe("ring the bell");
  });

  test("has a phone number only if there is one, without the marks that address books put around it", () => {
    expect(orderOf(draft(), menu())).not.toHaveProperty("phone");
    expect(orderOf(draft({ phone: "  " }), menu())).not.toHaveProperty("phone");
    expect(orderOf(draft({ phone: "\u202A+49\u00A030 555\u20110123\u202C " }), menu()).phone).toBe("+49 30 555-0123");
  });

  test("has no notes that are only space", () => {
    expect(orderOf(draft({ notes: " \n " }), menu())).not.toHaveProperty("notes");
  });

  test("has the allergies that were chosen and those that were typed, each once", () => {
    expect(allergiesOf(draft({ allergens: ["egg", "milk"], otherAllergies: " kiwi,, egg , soy bean," }))).toEqual(["egg", "milk", "kiwi", "soy bean"]);
    expect(orderOf(draft({ allergens: ["egg"] }), menu()).allergies).toEqual(["egg"]);
  });
});

describe("the basket", () => {
  test("adds up pieces that differ in nothing", () => {
    const lines = addLine(addLine([], newLine("vanilla", "M", 6, ""), limits), newLine("vanilla", "M", 2, ""), limits);
    expect(lines).toEqual([{ flavour: "vanilla", size: "M", quantity: 8 }]);
  });

  test.each([
    ["flavour", newLine("nut", "M", 2, "Hi")],
    ["size", newLine("vanilla", "L", 2, "Hi")],
    ["message", newLine("vanilla", "M", 2, "Ho")],
    ["message, which it lacks", newLine("vanilla", "M", 2, "")],
  ])("has a line of its own for what differs in its %s", (_, line) => {
    const first = newLine("vanilla", "M", 6, "Hi");
    expect(addLine([first], line, limits)).toEqual([first, line]);
  });

  test("never adds up to more than a line may have", () => {
    expect(addLine([newLine("vanilla", "M", 499, "")], newLine("vanilla", "M", 6, ""), limits)).toEqual([newLine("vanilla", "M", 500, "")]);
  });

  test("keeps a line in its place, and does not change the old basket", () => {
    const before = [newLine("vanilla", "M", 1, ""), newLine("nut", "M", 1, "")];
    expect(addLine(before, newLine("vanilla", "M", 1, ""), limits).map((line) => line.flavour)).toEqual(["vanilla", "nut"]);
    expect(before[0]?.quantity).toBe(1);
  });

  test("has no message that is only space, and none around one", () => {
    expect(newLine("vanilla", "M", 1, "  ")).not.toHaveProperty("message");
    expect(newLine("vanilla", "M", 1, " Hi ").message).toBe("Hi");
  });
});

describe("a check before the order is sent", () => {
  test("finds nothing wrong with a good draft", () => {
    const faults = check(draft({ notes: "ring", allergens: ["Nuts"], otherAllergies: "kiwi" }), menu());
    expect(faults).toEqual(noFaults);
    expect(hasFaults(faults)).toBe(false);
  });

  test("counts characters as the API does: an emoji is one", () => {
    expect(lengthOf(cake.repeat(3))).toBe(3);
    const full = draft({
      name: cake.repeat(20),
      notes: cake.repeat(50),
      otherAllergies: cake.repeat(8),
      lines: [newLine("vanilla", "M", 1, cake.repeat(10))],
    });
    expect(check(full, menu())).toEqual(noFaults);
  });

  test.each([
    ["name", { name: cake.repeat(21) }, "At most 20 characters: 1 too many."],
    ["notes", { notes: cake.repeat(53) }, "At most 50 characters: 3 too many."],
    ["allergies", { otherAllergies: `kiwi, ${cake.repeat(9)}` }, "At most 8 characters: 1 too many."],
    ["allergies", { otherAllergies: "a, b, c, d" }, "At most 3 allergies."],
    ["name", { name: "   " }, "Tell us a name to call out."],
    ["basket", { lines: [] }, "Put at least one cupcake into the basket."],
    ["basket", { lines: ["1", "2", "3", "4"].map((message) => newLine("vanilla", "M", 1, message)) }, "At most 3 different kinds: remove some."],
  ] as const)("finds what is wrong with %s (%j)", (field, part, text) => {
    const faults = check(draft(part), menu());
    expect(faults).toEqual({ lines: {}, [field]: text });
    expect(hasFaults(faults)).toBe(true);
  });

  test.each(["030/5550123", "٠٣٠ ٥٥٥٠١٢٣", "call Ada", "++49305550123", "030+5550123"])("refuses %s as a phone number, with the remedy", (phone) => {
    expect(check(draft({ phone }), menu())).toEqual({ lines: {}, phone: "Use digits, spaces, +, - and brackets only, such as +49 30 5550123." });
  });

  test.each(["55501", "+49 (0)123", "1234567890123456", "1 ".repeat(13)])("refuses %s as a phone number, which has too few digits or too many", (phone) => {
    expect(check(draft({ phone }), menu())).toEqual({ lines: {}, phone: "From 6 to 15 digits: give the whole number, or leave it empty." });
  });

  test.each(["", "030 5550123", "+49 (0)30 555-0123", "(+49) 30 5550123", "+123456789012345"])("takes %j as a phone number", (phone) => {
    expect(check(draft({ phone }), menu())).toEqual(noFaults);
  });

  test.each([
    ["a flavour that is gone", { flavour: "mud" }, "We do not have this flavour any more: remove it."],
    ["a size that is gone", { size: "XL" }, "We do not have this size any more: choose another."],
    ["no pieces", { quantity: 0 }, "From 1 to 500 pieces."],
    ["half a piece", { quantity: 1.5 }, "From 1 to 500 pieces."],
    ["too many pieces", { quantity: 501 }, "From 1 to 500 pieces."],
    ["a message that is too long", { message: cake.repeat(11) }, "At most 10 characters fit on a cupcake."],
  ] as const)("finds %s at its line", (_, part, text) => {
    const good = newLine("vanilla", "M", 1, "");
    const faults = check(draft({ lines: [good, { ...good, ...part }] }), menu());
    expect(faults).toEqual({ lines: { 1: text } });
    expect(hasFaults(faults)).toBe(true);
  });

  test("finds everything at once", () => {
    expect(Object.keys(check({ ...emptyDraft, phone: "1", notes: "x".repeat(51), otherAllergies: "x".repeat(9) }, menu()))).toEqual(["name", "phone", "notes", "allergies", "basket", "lines"]);
  });
});

describe("what the server finds", () => {
  const faultAt = (pointer: string | undefined) => faultsOf([{ ...(pointer !== undefined && { pointer }), detail: "must be otherwise" }]);

  test.each([
    ["/lines/0/quantity", { lines: { 0: "Must be otherwise." } }],
    ["/lines/12", { lines: { 12: "Must be otherwise." } }],
    ["/lines", { lines: {}, basket: "Must be otherwise." }],
    ["/customer/name", { lines: {}, name: "Must be otherwise." }],
    ["/customer", { lines: {}, name: "Must be otherwise." }],
    ["/phone", { lines: {}, phone: "Must be otherwise." }],
    ["/notes", { lines: {}, notes: "Must be otherwise." }],
    ["/allergies", { lines: {}, allergies: "Must be otherwise." }],
    ["/allergies/2", { lines: {}, allergies: "Must be otherwise." }],
  ])("at %s stands beside its field", (pointer, faults) => {
    expect(faultAt(pointer)).toEqual({ faults, rest: [] });
  });

  test.each([["/colour"], [""], [undefined]])("at %j, which has no field, is among the rest", (pointer) => {
    expect(faultAt(pointer)).toEqual({ faults: { lines: {} }, rest: ["Must be otherwise."] });
  });

  test("first about a line is shown; the others follow when it is corrected", () => {
    const { faults } = faultsOf([{ pointer: "/lines/1/flavour", detail: "unknown" }, { pointer: "/lines/1/quantity", detail: "too many" }]);
    expect(faults.lines).toEqual({ 1: "Unknown." });
  });

  test("stands beside all fields that are at fault", () => {
    const { faults, rest } = faultsOf([{ pointer: "/notes", detail: "too long" }, { pointer: "/lines/0/size", detail: "unknown" }, { pointer: "/x", detail: "unknown" }]);
    expect(faults).toEqual({ notes: "Too long.", lines: { 0: "Unknown." } });
    expect(rest).toEqual(["Unknown."]);
  });
});

describe("conflicts", () => {
  test("are the allergens of what is in the basket that were named, however they are written", () => {
    const nutty = draft({ lines: [newLine("nut", "M", 1, ""), newLine("vanilla", "M", 1, "")], allergens: ["wheat"], otherAllergies: "NUTS, kiwi" });
    expect(conflicts(nutty, menu())).toEqual([
      { flavour: "vanilla", name: "Vanilla", allergens: ["wheat"], confirmation: "vanilla wheat" },
      { flavour: "nut", name: "Nutty", allergens: ["Nuts", "wheat"], confirmation: "nut Nuts wheat" },
    ]);
  });

  test("must each be confirmed, and anew when more is known to be in it", () => {
    const nutty = draft({ name: "Ada", lines: [newLine("nut", "M", 1, ""), newLine("vanilla", "M", 1, "")], otherAllergies: "nuts" });
    expect(check(nutty, menu()).confirmed).toMatch(/Tick it/);
    expect(orderOf(nutty, menu())).not.toHaveProperty("allergyConfirmed");
    const confirmed = { ...nutty, confirmed: ["nut Nuts"] };
    expect(check(confirmed, menu())).toEqual(noFaults);
    expect(orderOf(confirmed, menu()).allergyConfirmed).toBe(true);
    const wider = { ...confirmed, otherAllergies: "nuts, egg" };
    expect(check(wider, menu()).confirmed, "vanilla has egg, and nobody has confirmed that").toMatch(/Tick it/);
    expect(orderOf(wider, menu())).not.toHaveProperty("allergyConfirmed");
  });

  test("need no confirmation any more once they are gone from the basket", () => {
    const nutty = draft({ name: "Ada", lines: [newLine("nut", "M", 1, ""), newLine("lemon", "M", 1, "")], otherAllergies: "nuts" });
    const faults = check(nutty, menu());
    const without = { lines: [newLine("lemon", "M", 1, "")] };
    expect(faultsAfter(without, faults, { ...nutty, ...without }, menu())).toEqual(noFaults);
    expect(faultsOf([{ pointer: "/allergyConfirmed", detail: "nutty contains nuts" }]).faults).toEqual({ confirmed: "Nutty contains nuts.", lines: {} });
  });

  test("are none with what is not in the basket", () => {
    expect(conflicts(draft({ allergens: ["Nuts"] }), menu())).toEqual([]);
  });

  test("name a flavour once, even if it has several lines", () => {
    const twice = draft({ lines: [newLine("nut", "M", 1, ""), newLine("nut", "L", 1, "")], allergens: ["Nuts"] });
    expect(conflicts(twice, menu())).toHaveLength(1);
  });
});

describe("the idempotency key", () => {
  test("stays for the same order, so that it is placed once", () => {
    const first = readyToSend(draft(), menu());
    expect(first.sent.key).toMatch(/^[!-~]{16,128}$/);
    expect(readyToSend(first, menu()).sent).toEqual(first.sent);
  });

  test("stays if something was typed that changes nothing", () => {
    const first = readyToSend(draft(), menu());
    expect(readyToSend({ ...first, name: " Ada " }, menu()).sent.key).toBe(first.sent.key);
  });

  test.each([
    ["name", { name: "Bob" }],
    ["notes", { notes: "ring" }],
    ["allergies", { allergens: ["egg"] }],
    ["lines", { lines: [newLine("vanilla", "M", 7, "")] }],
  ])("stays while it is unknown whether the order was accepted, even if its %s changes", (_, part) => {
    const first = readyToSend(draft(), menu());
    const second = readyToSend({ ...first, ...part }, menu());
    expect(second.sent.key).toBe(first.sent.key);
    expect(second.sent.bodies).toEqual([...first.sent.bodies, JSON.stringify(orderOf(second, menu()))]);
    expect(readyToSend({ ...second, ...draft() }, menu()).sent.bodies.at(-1)).toBe(first.sent.bodies[0]);
  });

  test("is another one for the same order of somebody else", () => {
    expect(readyToSend(draft(), menu()).sent.key).not.toBe(readyToSend(draft(), menu()).sent.key);
  });

  test("survives a reload of the page", () => {
    const first = readyToSend(draft(), menu());
    keepDraft(first);
    expect(readyToSend(loadDraft(), menu()).sent).toEqual(first.sent);
  });
});

describe("keeping a draft", () => {
  beforeEach(() => { localStorage.clear(); });
  afterEach(() => { vi.unstubAllGlobals(); });

  test("brings it back as it was", () => {
    keepDraft(draft({ notes: "ring", phone: "030 5550123" }));
    expect(loadDraft()).toEqual(draft({ notes: "ring", phone: "030 5550123" }));
  });

  test("starts empty when nothing was kept", () => {
    expect(loadDraft()).toEqual(emptyDraft);
  });

  test("starts empty after it was forgotten", () => {
    keepDraft(draft());
    forgetDraft();
    expect(loadDraft()).toEqual(emptyDraft);
  });

  test("fills in what an older page did not know", () => {
    localStorage.setItem("cupcakery.draft.2", '{"name":"Ada"}');
    expect(loadDraft()).toEqual({ ...emptyDraft, name: "Ada" });
  });

  test.each(["{", "", "null", "undefined", '{"lines":null}', '{"lines":[{}]}', '{"name":7}', "[]"])("starts empty if what was stored is no draft: %j", (text) => {
    localStorage.setItem("cupcakery.draft.2", text);
    expect(loadDraft()).toEqual(emptyDraft);
  });

  test("works without a storage that refuses everything", () => {
    const refuse = vi.fn(() => { throw new DOMException("denied", "SecurityError"); });
    vi.stubGlobal("localStorage", { getItem: refuse, setItem: refuse, removeItem: refuse });
    keepDraft(draft());
    forgetDraft();
    expect(loadDraft()).toEqual(emptyDraft);
    expect(refuse).toHaveBeenCalledTimes(3);
  });
});

describe("a fault", () => {
  const faulty = { name: "Tell us a name to call out.", notes: "Too long.", lines: { 0: "From 1 to 500 pieces." } };
  const after = (change: Partial<Draft>) => faultsAfter(change, faulty, draft({ name: "", ...change }), menu());

  test("disappears when it is corrected, and the others stay", () => {
    expect(after({ name: "A" })).toEqual({ notes: faulty.notes, lines: faulty.lines });
    expect(after({ notes: "short" })).toEqual({ name: faulty.name, lines: faulty.lines });
    expect(after({ lines: draft().lines })).toEqual({ name: faulty.name, notes: faulty.notes, lines: {} });
  });

  test("of a phone number disappears when that is corrected", () => {
    const wrong = { phone: "From 6 to 15 digits: give the whole number, or leave it empty.", lines: {} };
    expect(faultsAfter({ phone: "030 5550123" }, wrong, draft({ phone: "030 5550123" }), menu())).toEqual(noFaults);
    expect(faultsAfter({ name: "Bob" }, wrong, draft({ phone: "1" }), menu())).toEqual(wrong);
  });

  test("is updated while somebody corrects it", () => {
    expect(after({ name: "A".repeat(23) }).name).toBe("At most 20 characters: 3 too many.");
  });

  test("does not appear before the order is sent", () => {
    expect(faultsAfter({ name: "" }, noFaults, draft({ name: "" }), menu())).toEqual(noFaults);
  });
});

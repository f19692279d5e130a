import { act, cleanup, render, screen, within } from "@testing-library/react";
import userEvent from "@testing-library/user-event";
import { Profiler } from "react";
import { describe, expect, test, vi } from "vitest";
import { Live } from "../../live/connection";
import { LiveContext } from "../../live/hooks";
import { at, currentLive, doneTicket, labelOf, rules, silentLive, start, startedTicket, ticket, undoTicket } from "../../testing-data";
import { timeOfDay } from "../../design/time";
import { TicketCard } from "./TicketCard";
import type { PendingAck } from "./pendingAcks";

type Props = Parameters<typeof TicketCard>[0];

const names = (code: string) => ({ vanilla: "Vanilla", nut: "Nutty" })[code] ?? code;

/** The card, with everything that it can ask for as a mock. */
function show(overrides: Partial<Props> = {}, seconds = 0, live = silentLive(seconds)) {
  const asked = { onStart: vi.fn(), onTakeOver: vi.fn(), onPutBack: vi.fn(), onDone: vi.fn(), onUndone: vi.fn(), onFailed: vi.fn(), onFewerScrapped: vi.fn(), onRetract: vi.fn() };
  render(
    <LiveContext value={live}>
      <ul><TicketCard ticket={ticket()} stage="bake" rules={rules} names={names} labelOf={labelOf} place="waiting" busy={false} isPaused={false} pendingAck={undefined} actions={asked} {...overrides} /></ul>
    </LiveContext>,
  );
  return { asked, card: screen.getByRole("article"), user: userEvent.setup() };
}

const buttons = () => screen.queryAllByRole("button").map((button) => button.textContent.trim());
const press = (name: string) => userEvent.click(screen.getByRole("button", { name }));
const pendingAck = (overrides: Partial<PendingAck> = {}): PendingAck => ({ ticketId: ticket().ticketId, pickupCode: "K7QF", ack: { kind: "done" }, isRetractable: true, isRetrying: false, ...overrides });

describe("a ticket", () => {
  const long = Array.from({ length: 7 }, (_, i) => ({ flavour: `f${i}`, size: "M", quantity: i + 1 }) as const);

  test("shows its code, what to make, the boxes and the notes", () => {
    const { card } = show({
      ticket: ticket({
        lines: [{ flavour: "vanilla", size: "M", quantity: 6 }, { flavour: "nut", size: "L", quantity: 4 }],
        boxes: [{ code: "XL", count: 1 }, { code: "S", count: 2 }],
        notes: "ring\nthe bell",
      }),
    });
    expect(card.getAttribute("aria-label")).toBe("Ticket K7QF");
    expect(within(card).getAllByRole("listitem").map((line) => line.textContent)).toEqual(["6 Vanilla M", "4 Nutty L"]);
    expect(card.textContent).toContain("Boxes: 1 × XL2 × S");
    expect(screen.getByText(/ring/).textContent).toBe("ring\nthe bell");
    expect(screen.getByRole("group", { name: "Notes" }).tabIndex, "long notes scroll, by keyboard too").toBe(0);
  });

  test("cannot be begun while the station is paused, and says so", async () => {
    const { asked } = show({ isPaused: true });
    expect(buttons()).toContain("Paused");
    await press("Paused");
    expect(asked.onStart).not.toHaveBeenCalled();
  });

  test("shows whom the box is for, to whoever hands it out", () => {
    const { card } = show({ stage: "package", ticket: ticket({ customer: { name: "Ada Lovelace" } }) });
    expect(card.textContent).toContain("For Ada Lovelace");
  });

  test("warns at its line of a flavour that meets the customer's allergy, until it has ended", () => {
    const of = { allergies: ["nuts"], lines: [{ flavour: "vanilla", size: "M", quantity: 6 }, { flavour: "nut", size: "L", quantity: 4 }] as const, conflicts: [{ flavour: "nut", allergens: ["Nuts", "wheat"] }] };
    const { card } = show({ ticket: ticket(of) });
    expect(within(card).getAllByRole("listitem").map((line) => line.textContent)).toEqual(["6 Vanilla M", "4 Nutty L⚠ Contains Nuts and wheat: the customer is allergic"]);
    cleanup();
    expect(show({ place: "ended", ticket: doneTicket("Ben", at(5), of) }).card.textContent).not.toContain("Contains");
  });

  test("that is long never folds away what meets an allergy", () => {
    const { card } = show({ ticket: ticket({ lines: long, conflicts: [{ flavour: "f6", allergens: ["egg"] }] }) });
    expect(within(card).getAllByRole("listitem").map((line) => line.textContent)).toEqual(["1 f0 M", "2 f1 M", "3 f2 M", "4 f3 M", "7 f6 M⚠ Contains egg: the customer is allergic"]);
    expect(within(card).getByRole("button", { name: "+ 2 more lines, 11 pieces of K7QF" })).toBeDefined();
  });

  test("names a flavour that is no longer on the menu by its code", () => {
    const { card } = show({ ticket: ticket({ lines: [{ flavour: "mud", size: "M", quantity: 1 }] }) });
    expect(card.textContent).toContain("1 mud M");
  });

  test("warns of allergies in words", () => {
    const { card } = show({ ticket: ticket({ allergies: ["nuts", "soy bean"] }) });
    expect(card.textContent).toContain("Allergy: nuts, soy bean");
  });

  test.each([[undefined], [[]]])("does not mention allergies when they are %j", (allergies) => {
    const { card } = show({ ticket: ticket(allergies && { allergies }) });
    expect(card.textContent).not.toContain("Allergy");
  });

  test.each([["mix", false], ["bake", false], ["decorate", true], ["package", true]] as const)("at %s shows the messages: %s", (stage, shows) => {
    const { card } = show({ stage, ticket: ticket({ lines: [{ flavour: "vanilla", size: "M", quantity: 6, message: "Happy 40th" }] }) });
    expect(card.textContent.includes("Happy 40th")).toBe(shows);
  });

  test("has each message at its line", () => {
    const { card } = show({ stage: "decorate", ticket: ticket({ lines: [{ flavour: "vanilla", size: "M", quantity: 6, message: "Hi" }, { flavour: "nut", size: "L", quantity: 4 }] }) });
    expect(within(card).getAllByRole("listitem").map((line) => line.textContent)).toEqual(["6 Vanilla MHi", "4 Nutty L"]);
  });

  test.each([["mix", false], ["bake", false], ["decorate", true], ["package", true]] as const)("at %s has the notes in sight: %s", (stage, open) => {
    show({ stage, ticket: ticket({ notes: "ring the bell" }) });
    expect(screen.getByText("ring the bell").closest("details") === null).toBe(open);
  });

  test("that is long shows its first lines, says what is left, and shows it on request", async () => {
    const { card } = show({ ticket: ticket({ lines: long }) });
    expect(within(card).getAllByRole("listitem")).toHaveLength(4);
    await press("+ 3 more lines, 18 pieces of K7QF");
    expect(within(card).getAllByRole("listitem").map((line) => line.textContent)).toEqual(long.map(({ flavour, quantity }) => `${quantity} ${flavour} M`));
    expect(buttons()).toEqual(["Rush …", "Start"]);
  });

  test("that is long shows all its lines to whoever has it in hand, and does not hide a single one from anybody", () => {
    const { card } = show({ place: "mine", ticket: startedTicket("Ben", { lines: long }) });
    expect(within(card).getAllByRole("listitem")).toHaveLength(7);
    cleanup();
    expect(within(show({ ticket: ticket({ lines: long.slice(0, 5) }) }).card).getAllByRole("listitem")).toHaveLength(5);
  });

  test.each([[0, "none", "0:00", false], [305, "soon", "5:05", "due soon"], [3_725, "late", "1:02:05", "late"]] as const)("of which nobody knows when it is due is, after %i s, %s, shows %s and the word %s", (seconds, urgency, clock, word) => {
    const { card } = show({}, seconds);
    expect(card.dataset["due"]).toBe(urgency);
    expect(screen.getByRole("timer").textContent).toBe(clock);
    expect(within(card).queryByText(/^(late|due soon)$/)?.textContent ?? false).toBe(word);
  });

  test.each([[0, "none", false], [300, "soon", "due soon"]] as const)("shows after %i s when it is due, which is %s, with the word %s", (seconds, urgency, word) => {
    const { card } = show({ ticket: ticket({ dueAt: at(1200) }) }, seconds);
    expect(card.dataset["due"]).toBe(urgency);
    expect(card.querySelector(".ticket-due")?.textContent).toContain(`Due at ${timeOfDay(at(1200))}`);
    expect(within(card).queryByText(/^(late|due soon)$/)?.textContent ?? false).toBe(word);
    expect(screen.queryByRole("timer")).toBeNull();
  });

  test("shows by how much it is late", () => {
    const { card } = show({ ticket: ticket({ dueAt: at(1200) }) }, 1325);
    expect(card.dataset["due"]).toBe("late");
    expect(card.querySelector(".ticket-due")?.textContent).toMatch(/^late ?by ?2:05$/);
  });

  test("that has ended has no age", () => {
    const { card } = show({ place: "ended", ticket: doneTicket("Ben", at(5)) }, 900);
    expect(card.dataset["due"]).toBeUndefined();
    expect(screen.queryByRole("timer")).toBeNull();
  });

  test("says how often it was remade, and how it failed before", () => {
    const { card } = show({ ticket: ticket({ pass: 3, lastFailure: { by: "Bea", at: at(1), reason: "burnt", note: "oven 2" } }) });
    expect(card.textContent).toContain("Remake 2");
    expect(card.textContent).toContain("Failed before: Burnt, oven 2");
  });

  test("that is new has none of these badges", () => {
    const { card } = show();
    expect(card.textContent).not.toMatch(/Remake|Failed|In hand/);
  });

  test("that is issued again looks as before: it was only delivered again", () => {
    const { card } = show({}, 400);
    const before = card.cloneNode(true);
    cleanup();
    expect(show({ ticket: ticket({ attempt: 3, issuedAt: at(300), ackBy: at(3900) }) }, 400).card.isEqualNode(before)).toBe(true);
  });

  test("of a remake is as old as its order", () => {
    show({ ticket: ticket({ pass: 2, since: at(0), issuedAt: at(3_000) }) }, 3_725);
    expect(screen.getByRole("timer").textContent).toBe("1:02:05");
  });
});

describe("what others have written", () => {
  const hostile = '<img src=x onerror="document.title=1"><script>document.title = 2</script><b>bold</b>';

  test("is shown as text and makes no elements, wherever it stands", () => {
    const { card } = show({
      stage: "package",
      place: "others",
      names: (code) => code,
      ticket: startedTicket(hostile, {
        pickupCode: hostile,
        notes: hostile,
        allergies: [hostile],
        lines: [{ flavour: hostile, size: "M", quantity: 1, message: hostile }],
        lastFailure: { by: hostile, at: at(0), reason: hostile, note: hostile },
      }),
    });
    expect(card.querySelector("img, script, [onerror]")).toBeNull();
    expect(card.textContent.split(hostile)).toHaveLength(9); // at eight places
    expect(screen.getByText(hostile, { selector: "q" }).children).toHaveLength(0);
    expect(screen.getByText(hostile, { selector: ".ticket-notes" }).children).toHaveLength(0);
    expect(screen.getByText(hostile, { selector: ".ticket-allergies span" }).children).toHaveLength(0);
    expect(screen.getByText(hostile, { selector: ".ticket-code" }).children).toHaveLength(0);
  });

  test("is shown as text in the names of who is silent and of who had begun", () => {
    const { card } = show({ place: "others", ticket: { ...heardTicket, by: hostile } }, 910, currentLive(910));
    expect(card.textContent).toContain(`Take over from ${hostile}`);
    expect(card.querySelector("img, script")).toBeNull();
    cleanup();
    const undo = show({ ticket: undoTicket({ made: false, begunBy: hostile }) }).card;
    expect(undo.textContent).toContain(`${hostile} had begun`);
    expect(undo.querySelector("img, script")).toBeNull();
  });

  test("is shown as text in the name of who has ended a ticket", () => {
    const { card } = show({ place: "ended", ticket: doneTicket(hostile, at(5)) });
    expect(card.textContent).toContain(`Done by ${hostile} at`);
    expect(card.querySelector("img, script")).toBeNull();
  });

  test("is shown whole even if it has 10,000 characters, and leaves the buttons in place", () => {
    const long = "W".repeat(10_000);
    const { card } = show({ stage: "decorate", place: "mine", ticket: startedTicket(long, { allergies: [long], notes: long, lines: [{ flavour: long, size: "M", quantity: 1, message: long }] }) });
    expect(card.textContent.split(long)).toHaveLength(5);
    // Long words may break anywhere; only then does the card keep its width.
    for (const selector of [".ticket-allergies .wrap-anywhere", ".ticket-lines .wrap-anywhere", ".ticket-lines q.wrap-anywhere", ".ticket-notes.pre"]) {
      expect(card.querySelector(selector)?.textContent).toBe(long);
    }
    expect(buttons()).toEqual(["Done", "Failed …", "Put back"]);
  });

  test("is aligned by its own script", () => {
    const { card } = show({ stage: "decorate", ticket: ticket({ notes: "שלום", lines: [{ flavour: "vanilla", size: "M", quantity: 1, message: "مرحبا" }] }) });
    expect(card.querySelector(".ticket-notes")?.getAttribute("dir")).toBe("auto");
    expect(card.querySelector("q")?.getAttribute("dir")).toBe("auto");
  });
});

/** Bea's, and she may be silent for a quarter of an hour. */
const heardTicket = startedTicket("Bea", { heardAt: at(10), silentAfterSeconds: 900 });

describe("what can be done", () => {
  test("with a ticket that waits: start it", async () => {
    const { asked } = show();
    expect(buttons()).toEqual(["Rush …", "Start"]);
    await press("Start");
    expect(asked.onStart).toHaveBeenCalledTimes(1);
  });

  test("while it is being started: nothing, and the button keeps the focus", async () => {
    const { asked } = show({ busy: true });
    const button = screen.getByRole("button", { name: "Starting …" });
    await userEvent.click(button);
    expect(asked.onStart).not.toHaveBeenCalled();
    expect(button.getAttribute("aria-disabled")).toBe("true");
    expect(document.activeElement).toBe(button);
  });

  test("with one that I have in hand: end it, or report a failure", async () => {
    const { asked, card } = show({ place: "mine", ticket: startedTicket("Ben") }, 75);
    expect(card.textContent).toContain("In hand 1:05");
    await press("Done");
    expect(asked.onDone).toHaveBeenCalledTimes(1);
    await press("Failed …");
    expect(asked.onFailed).toHaveBeenCalledTimes(1);
  });

  test("with one that I have in hand: put it back", async () => {
    const { asked } = show({ place: "mine", ticket: startedTicket("Ben") });
    await press("Put back");
    expect(asked.onPutBack).toHaveBeenCalledTimes(1);
  });

  test("with one that somebody else has: nothing, and it says who", () => {
    const { card } = show({ place: "others", ticket: heardTicket }, 909, currentLive(909));
    expect(buttons()).toEqual([]);
    expect(card.textContent).toContain("In hand: Bea");
    expect(card.textContent).not.toContain("heard");
  });

  test("with one whose owner has not been heard of for too long: take it over", async () => {
    const { asked, card } = show({ place: "others", ticket: heardTicket }, 910, currentLive(910));
    expect(card.textContent).toContain("Bea has not been heard of for 15 min.");
    expect(buttons()).toEqual(["Take over from Bea"]);
    await press("Take over from Bea");
    expect(asked.onTakeOver).toHaveBeenCalledExactlyOnceWith(heardTicket);
  });

  test("with an undo ticket whose owner has not been heard of for too long: take it over", () => {
    show({ place: "others", ticket: { ...heardTicket, kind: "undo" } }, 910, currentLive(910));
    expect(buttons()).toEqual(["Take over from Bea"]);
  });

  test("while it is being taken over: nothing", async () => {
    const { asked } = show({ place: "others", ticket: heardTicket, busy: true }, 910, currentLive(910));
    await press("Taking over …");
    expect(asked.onTakeOver).not.toHaveBeenCalled();
  });

  // A page without a connection hears of nobody.
  test("with one that somebody else has, while the board is out of date: nothing", () => {
    const { card } = show({ place: "others", ticket: heardTicket }, 910);
    expect(buttons()).toEqual([]);
    expect(card.textContent).not.toContain("heard");
  });

  test("with one that failed: nothing, until it is issued again", () => {
    const { card } = show({ ticket: ticket({ state: "failed", by: "Bea", endedAt: at(65) }) });
    expect(buttons()).toEqual([]);
    expect(card.textContent).toContain(`Failed at ${timeOfDay(at(65))}, Bea: waiting for another attempt or a decision`);
  });

  test("with one that has ended: nothing, and it says who did it and when", () => {
    const { card } = show({ place: "ended", ticket: doneTicket("Bea", at(65)) });
    expect(buttons()).toEqual([]);
    expect(card.textContent).toContain(`Done by Bea at ${timeOfDay(at(65))}`);
  });

  test("with one that was undone: nothing, and it says who did it and when", () => {
    const { card } = show({ place: "ended", ticket: undoTicket({ state: "undone", by: "Bea", endedAt: at(65) }) });
    expect(card.textContent).toContain(`Cleared away by Bea at ${timeOfDay(at(65))}`);
    expect(card.textContent, "there is nothing to put away any more").not.toContain("Cancelled");
  });
});

describe("an undo ticket", () => {
  const pieces = { lines: [{ flavour: "vanilla", size: "M", quantity: 6 }, { flavour: "nut", size: "M", quantity: 4 }] } as const;

  test("says what to do with what was made; all of it is scrapped unless somebody changes that", async () => {
    const { asked, card } = show({ ticket: undoTicket(pieces) });
    expect(card.className).toContain("ticket-undo");
    expect(card.textContent).toContain("Cancelled: put away or scrap what was made");
    expect(buttons()).toEqual(["Cleared away, 10 scrapped", "Fewer scrapped …"]);
    await press("Cleared away, 10 scrapped");
    expect(asked.onUndone).toHaveBeenCalledExactlyOnceWith(expect.objectContaining({ kind: "undo" }), 10);
    await press("Fewer scrapped …");
    expect(asked.onFewerScrapped).toHaveBeenCalledTimes(1);
  });

  test("has nothing to scrap where nothing was made", async () => {
    const { asked, card } = show({ ticket: undoTicket({ ...pieces, made: false }) });
    expect(card.textContent).toContain("Cancelled: nothing was made here");
    expect(buttons()).toEqual(["Cleared away"]);
    await press("Cleared away");
    expect(asked.onUndone).toHaveBeenCalledExactlyOnceWith(expect.objectContaining({ kind: "undo" }), 0);
  });

  test("of work that somebody had begun says so, and that all of it may be scrapped", async () => {
    const { asked, card } = show({ ticket: undoTicket({ ...pieces, made: false, begunBy: "Bea" }) });
    expect(card.textContent).toContain("Cancelled: Bea had begun, so there may be something to put away or scrap");
    expect(card.textContent).not.toContain("nothing was made");
    expect(buttons()).toEqual(["Cleared away, 10 scrapped", "Fewer scrapped …"]);
    await press("Cleared away, 10 scrapped");
    expect(asked.onUndone).toHaveBeenCalledExactlyOnceWith(expect.objectContaining({ kind: "undo" }), 10);
  });

  test("has no message to pipe", () => {
    const { card } = show({ stage: "decorate", ticket: undoTicket({ lines: [{ flavour: "vanilla", size: "M", quantity: 6, message: "Happy 40th" }] }) });
    expect(card.textContent).not.toContain("Happy 40th");
  });

  test("that is in hand is undone like one that waits, or put back", () => {
    show({ place: "mine", ticket: undoTicket({ ...pieces, state: "started", by: "Ben", startedAt: at(1) }) });
    expect(buttons()).toEqual(["Cleared away, 10 scrapped", "Fewer scrapped …", "Put back"]);
  });
});

describe("a withdrawn ticket", () => {
  test.each(["mine", "waiting", "others"] as const)("says stop, and has no buttons, in %s", (place) => {
    const { card } = show({ place, ticket: { ...heardTicket, withdrawn: true } }, 910, currentLive(910));
    expect(card.className).toContain("ticket-withdrawn");
    expect(card.textContent).toContain("Stop: this work was cancelled.");
    expect(buttons()).toEqual([]);
  });

  test("is the only one that says stop", () => {
    const { card } = show({ place: "mine", ticket: startedTicket("Ben") });
    expect(card.className).not.toContain("ticket-withdrawn");
    expect(card.textContent).not.toContain("Stop");
  });
});

describe("a pending ack", () => {
  test.each([
    ["done", { kind: "done" }, "Done"],
    ["undone", { kind: "undone", scrapped: 6 }, "Cleared away"],
    ["failed", { kind: "failed", reason: "burnt" }, "Failed: Burnt"],
    ["put back", { kind: "released" }, "Put back"],
  ] as const)("%s is shown instead of the buttons, and can be retracted", async (_, ack, words) => {
    const { asked } = show({ place: "ended", ticket: startedTicket("Ben"), pendingAck: pendingAck({ ack }) });
    expect(screen.getByRole("status").textContent.trim()).toBe(words);
    expect(buttons()).toEqual(["Take back"]);
    await press("Take back");
    expect(asked.onRetract).toHaveBeenCalledTimes(1);
  });

  test("cannot be retracted once it is being sent", () => {
    show({ place: "ended", ticket: startedTicket("Ben"), pendingAck: pendingAck({ isRetractable: false }) });
    expect(screen.getByRole("status").textContent).toContain("Sending …");
    expect(buttons()).toEqual([]);
  });

  test("says that it is not confirmed yet", () => {
    show({ place: "ended", ticket: startedTicket("Ben"), pendingAck: pendingAck({ isRetractable: false, isRetrying: true }) });
    expect(screen.getByRole("status").textContent).toContain("Not confirmed yet; trying again.");
    expect(buttons()).toEqual([]);
  });
});

test("a card is not drawn again each second, but when it is due soon", () => {
  vi.useFakeTimers({ now: start });
  try {
    const live = new Live({ open: () => { throw new Error("Nothing is followed here."); }, timeOfDay: () => Date.now(), monotonic: () => performance.now(), random: () => 0 });
    const drawn = vi.fn();
    const actions = { onStart: vi.fn(), onTakeOver: vi.fn(), onPutBack: vi.fn(), onDone: vi.fn(), onUndone: vi.fn(), onFailed: vi.fn(), onFewerScrapped: vi.fn(), onRetract: vi.fn() };
    render(
      <LiveContext value={live}>
        <ul><Profiler id="card" onRender={drawn}><TicketCard ticket={ticket()} stage="bake" rules={rules} names={names} labelOf={labelOf} place="waiting" busy={false} isPaused={false} pendingAck={undefined} actions={actions} /></Profiler></ul>
      </LiveContext>,
    );
    drawn.mockClear();
    act(() => { vi.advanceTimersByTime(299_000); });
    expect(screen.getByRole("timer").textContent).toBe("4:59");
    expect(drawn).not.toHaveBeenCalled();
    act(() => { vi.advanceTimersByTime(2_000); });
    expect(screen.getByText("due soon")).toBeDefined();
    expect(drawn).toHaveBeenCalledTimes(1);
  } finally {
    vi.useRealTimers();
  }
});

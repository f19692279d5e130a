import type { Slots } from "../../api/schema.gen";

/** A slot that can be chosen, with its time by the bakery's clock. */
export interface Choice {
  readonly at: string;
  readonly text: string;
  readonly free: boolean;
}

/** The slots of a day. An hour that comes twice when clocks are put back has its zone's name, to tell the two apart. */
export function choices({ slots, timezone }: { readonly slots: readonly Pick<Slots["slots"][number], "at" | "free">[]; readonly timezone: string }): readonly Choice[] {
  const clock = (at: string, more: Intl.DateTimeFormatOptions = {}) =>
    new Date(at).toLocaleTimeString("en-GB", { hour: "2-digit", minute: "2-digit", timeZone: timezone, ...more });
  const texts = slots.map((slot) => clock(slot.at));
  return slots.map((slot, i) => {
    const text = texts[i] ?? "";
    const isTwice = texts.filter((each) => each === text).length > 1;
    return { at: slot.at, text: isTwice ? clock(slot.at, { timeZoneName: "short" }) : text, free: slot.free };
  });
}

// Texts and numbers as people type or paste them, and as they are shown.

/**
 * Invisible characters that text needs: joiners (emoji, Persian, Indic scripts),
 * direction marks, word breaks, tags (flags), and signs that Unicode counts as
 * format. The kitchen accepts the same ones and no others: kitchen/text.go.
 */
const needed = /[\u0600-\u0605\u061C\u06DD\u070F\u0890\u0891\u08E2\u180E\u200B-\u200F\u{110BD}\u{110CD}\u{13430}-\u{1343F}\u{1BCA0}-\u{1BCA3}\u{E0020}-\u{E007F}]/u;

const invisible = /[\p{Cc}\p{Cf}\u2028\u2029]/gu;

/**
 * A text without the invisible characters that come along when somebody pastes
 * from a chat or a document, and that the kitchen refuses. Line breaks stay;
 * any other white space becomes a space.
 */
export function cleanText(text: string): string {
  return text.replaceAll("\r\n", "\n").replace(invisible, (char) => {
    if (char === "\n" || needed.test(char)) return char;
    return /\s/.test(char) && char !== "\uFEFF" ? " " : "";
  });
}

export interface Range {
  readonly least: number;
  readonly most: number;
}

/** A number of pieces as it was typed, or what is wrong with it. */
type Count = { readonly value: number } | { readonly fault: string };

/** Reads a number of pieces. Digits of every script count; anything else is a fault, and nothing is guessed. */
export function readCount(text: string, { least, most }: Range): Count {
  const typed = cleanText(text).trim();
  if (typed === "" && least === 0) return { value: 0 };
  const digits = Array.from(typed, digitOf);
  if (digits.length === 0 || digits.includes(undefined)) {
    const hasPoint = /\p{Nd}[.,٫٬'’\s]\p{Nd}/u.test(typed);
    return { fault: hasPoint ? `Whole pieces only, in digits: from ${least} to ${most}.` : `Enter a whole number from ${least} to ${most}, in digits.` };
  }
  const value = Number(digits.join(""));
  if (value > most) return { fault: `At most ${most}.` };
  return value < least ? { fault: `At least ${least}.` } : { value };
}

const isDigit = (code: number) => /\p{Nd}/u.test(String.fromCodePoint(code));

/** The value of a digit: each script's ten digits follow each other, beginning with zero. */
function digitOf(char: string): number | undefined {
  const code = char.codePointAt(0) ?? 0;
  if (!isDigit(code)) return undefined;
  let first = code;
  while (isDigit(first - 1)) first--;
  return (code - first) % 10;
}

/** A number of things: "1 piece", "6 pieces". */
export function countText(count: number, singular: string): string {
  return `${count.toLocaleString()} ${singular}${count === 1 ? "" : "s"}`;
}

/** A weight as a kitchen says it: "850 g", "14.2 kg". Grams. */
export function weightText(grams: number): string {
  return grams < 1000 ? `${grams} g` : `${(grams / 1000).toLocaleString(undefined, { maximumFractionDigits: 1 })} kg`;
}

// What people type or paste, before it is looked at.

/**
 * Characters that are not seen but that text needs: joiners (emoji, Persian, Indic
 * scripts), direction marks, word breaks, tags (flags), and signs that Unicode counts
 * as format. The kitchen takes the same ones and refuses all others: kitchen/text.go.
 */
const needed = /[\u0600-\u0605\u061C\u06DD\u070F\u0890\u0891\u08E2\u180E\u200B-\u200F\u{110BD}\u{110CD}\u{13430}-\u{1343F}\u{1BCA0}-\u{1BCA3}\u{E0020}-\u{E007F}]/u;

const unseen = /[\p{Cc}\p{Cf}\u2028\u2029]/gu;

/**
 * A text without what nobody has typed: what is pasted from a chat or a document
 * brings marks along that are not seen, and that the kitchen refuses. Line
 * breaks stay; other white space that is no space becomes one.
 */
export function cleanText(text: string): string {
  return text.replaceAll("\r\n", "\n").replace(unseen, (char) => {
    if (char === "\n" || needed.test(char)) return char;
    return /\s/.test(char) && char !== "\uFEFF" ? " " : "";
  });
}

export interface Range {
  readonly least: number;
  readonly most: number;
}

/** A number of pieces as it was typed, or what is wrong with it. */
export type Count = { readonly value: number } | { readonly fault: string };

/** Reads a number of pieces. Digits of every script are digits; anything else is a fault, never guessed at. */
export function readCount(text: string, { least, most }: Range): Count {
  const typed = cleanText(text).trim();
  if (typed === "" && least === 0) return { value: 0 };
  const digits = Array.from(typed, digitOf);
  if (digits.length === 0 || digits.includes(undefined)) {
    const hasPoint = /\p{Nd}[.,٫٬'’\s]\p{Nd}/u.test(typed);
    return { fault: hasPoint ? `Whole pieces, in digits alone: from ${least} to ${most}.` : `Give a whole number from ${least} to ${most}, in digits.` };
  }
  const value = Number(digits.join(""));
  if (value > most) return { fault: `At most ${most}.` };
  return value < least ? { fault: `At least ${least}.` } : { value };
}

const isDigit = (code: number) => /\p{Nd}/u.test(String.fromCodePoint(code));

/** What a digit is worth: each script's ten lie in a row, beginning with zero. */
function digitOf(char: string): number | undefined {
  const code = char.codePointAt(0) ?? 0;
  if (!isDigit(code)) return undefined;
  let first = code;
  while (isDigit(first - 1)) first--;
  return (code - first) % 10;
}

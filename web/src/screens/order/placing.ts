import { noAnswer, Problem } from "../../api/problem";
import type { Unanswered } from "./draft";

/** What has become of an order that was sent. */
export type Outcome =
  | { readonly kind: "taken"; readonly id: string }
  /** Not this one, but one that was sent before, whose answer was lost. Who sends this one again wants both. */
  | { readonly kind: "earlier-taken"; readonly id: string }
  /** Nothing was started; what is left is still unanswered. */
  | { readonly kind: "refused"; readonly problem: Problem; readonly left: Unanswered | undefined }
  /** Nobody knows. Sending it again is safe. */
  | { readonly kind: "unknown"; readonly problem: Problem };

/**
 * Sends the last of the bodies under their key. The server takes one order
 * under a key; when it says that another was taken, sending the earlier ones
 * once more finds out which, and makes none.
 */
export async function place(sent: Unanswered, send: (body: string, key: string) => Promise<{ readonly id: string }>): Promise<Outcome> {
  const earlier = sent.bodies.slice(0, -1);
  const body = sent.bodies.at(-1) ?? "";
  try {
    return { kind: "taken", id: (await send(body, sent.key)).id };
  } catch (error) {
    const problem = error instanceof Problem ? error : noAnswer();
    if (problem.isUncertain) return { kind: "unknown", problem };
    if (!problem.is("/problems/idempotency-conflict")) return { kind: "refused", problem, left: earlier.length > 0 ? { key: sent.key, bodies: earlier } : undefined };
    for (const other of earlier.toReversed()) {
      try {
        return { kind: "earlier-taken", id: (await send(other, sent.key)).id };
      } catch (again) {
        if (!(again instanceof Problem) || again.isUncertain) return { kind: "unknown", problem: again instanceof Problem ? again : noAnswer() };
      }
    }
    return { kind: "refused", problem, left: undefined }; // the key is used up, by another tab with the same draft
  }
}

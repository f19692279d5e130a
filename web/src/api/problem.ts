import type { FieldError, Money, Problem as ProblemDocument } from "./schema.gen";

export type ProblemType = ProblemDocument["type"];

/** A refusal by the server, as RFC 9457 defines it, or no answer at all. */
export class Problem extends Error {
  override readonly name = "Problem";
  /** Absent if there was no answer, or one that is not the API's. */
  readonly type: ProblemType | undefined;
  /** The HTTP status; 0 if there was no answer. */
  readonly status: number;
  readonly errors: readonly FieldError[];
  /** Who acked the ticket first. */
  readonly by: string | undefined;
  /** What an order costs now whose price has changed. */
  readonly total: Money | undefined;
  /** The next slots with room, if the wanted one has none. */
  readonly free: readonly string[];
  /** After how many seconds the request may be repeated. */
  readonly retryAfter: number | undefined;

  constructor(text: string, status: number, document?: ProblemDocument, retryAfter?: number) {
    super(text);
    this.type = document?.type;
    this.status = status;
    this.errors = document?.errors ?? [];
    this.by = document?.by;
    this.total = document?.total;
    this.free = document?.free ?? [];
    this.retryAfter = retryAfter;
  }

  /** Whether the server may have done what was asked. A full kitchen has certainly not. */
  get isUncertain(): boolean {
    return (this.status === 0 || this.status >= 500) && !this.is("/problems/kitchen-full");
  }

  is(...types: ProblemType[]): boolean {
    return this.type !== undefined && types.includes(this.type);
  }
}

/** The problem in an answer. */
export async function problemOf(response: Response): Promise<Problem> {
  const after = Number(response.headers.get("Retry-After") ?? Number.NaN);
  const retryAfter = Number.isFinite(after) ? after : undefined;
  const document = await documentOf(response);
  if (!document) {
    return new Problem(`The server gave an unexpected answer (${response.status}). Try again in a moment.`, response.status, undefined, retryAfter);
  }
  return new Problem(document.detail ?? document.title, response.status, document, retryAfter);
}

/** Null if the answer is not the API's, or was cut off. */
async function documentOf(response: Response): Promise<ProblemDocument | null> {
  if (!(response.headers.get("Content-Type") ?? "").startsWith("application/problem+json")) return null;
  try {
    return (await response.json()) as ProblemDocument | null;
  } catch {
    return null;
  }
}

/** Nothing came back, so nobody knows whether the server has done what was asked. */
export function noAnswer(): Problem {
  return new Problem("The bakery cannot be reached. Check your connection; nothing you typed is lost.", 0);
}

/** Anything that was thrown, as a problem. What is none leaves it uncertain what was done. */
export function asProblem(error: unknown): Problem {
  return error instanceof Problem ? error : noAnswer();
}

/** What people read about anything that was thrown. */
export function textOf(error: unknown): string {
  return error instanceof Problem ? error.message : "Something went wrong on this page. Reload it.";
}

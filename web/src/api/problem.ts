import type { FieldError, Problem as ProblemDocument } from "./schema.gen";

export type ProblemType = ProblemDocument["type"];

/** A refusal by the server, as RFC 9457 has it, or no answer at all. */
export class Problem extends Error {
  override readonly name = "Problem";
  /** Absent when no answer came, or one that is not the API's. */
  readonly type: ProblemType | undefined;
  /** The HTTP status; 0 when no answer came. */
  readonly status: number;
  readonly errors: readonly FieldError[];
  /** Of a ticket: who was first. */
  readonly by: string | undefined;
  /** Seconds after which it makes sense to ask again. */
  readonly retryAfter: number | undefined;

  constructor(text: string, status: number, document?: ProblemDocument, retryAfter?: number) {
    super(text);
    this.type = document?.type;
    this.status = status;
    this.errors = document?.errors ?? [];
    this.by = document?.by;
    this.retryAfter = retryAfter;
  }

  /** Nobody can tell whether the server has done what was asked. Of a full kitchen it is known: nothing. */
  get isUncertain(): boolean {
    return (this.status === 0 || this.status >= 500) && !this.is("/problems/kitchen-full");
  }

  is(...types: ProblemType[]): boolean {
    return this.type !== undefined && types.includes(this.type);
  }
}

/** The problem that an answer tells of. */
export async function problemOf(response: Response): Promise<Problem> {
  const after = Number(response.headers.get("Retry-After") ?? Number.NaN);
  const retryAfter = Number.isFinite(after) ? after : undefined;
  const document = await documentOf(response);
  if (!document) {
    return new Problem(`The server answered ${response.status}, which these pages do not understand. Try again in a moment.`, response.status, undefined, retryAfter);
  }
  return new Problem(document.detail ?? document.title, response.status, document, retryAfter);
}

/** Null if the answer is somebody else's, or was cut off. */
async function documentOf(response: Response): Promise<ProblemDocument | null> {
  if (!(response.headers.get("Content-Type") ?? "").startsWith("application/problem+json")) return null;
  try {
    return (await response.json()) as ProblemDocument | null;
  } catch {
    return null;
  }
}

export function noAnswer(): Problem {
  return new Problem("The bakery cannot be reached. Check the network; nothing you typed is lost.", 0);
}

/** What to tell people of anything that was thrown. */
export function textOf(error: unknown): string {
  return error instanceof Problem ? error.message : "Something went wrong in this page. Reload it.";
}

import { dueText } from "../../design/time";

/** For when an order is. */
export function whenText({ dueAt, placedAt }: { readonly dueAt?: string | undefined; readonly placedAt: string }): string {
  return dueAt ? `For ${dueText(dueAt)}` : `As soon as possible, ordered ${dueText(placedAt)}`;
}

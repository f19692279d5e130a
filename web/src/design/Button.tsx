import type { ComponentProps } from "react";
import { useHandOver } from "./focus";

type Look = "primary" | "quiet" | "danger" | "bare" | "stage";

interface Props extends Omit<ComponentProps<"button">, "disabled"> {
  readonly look?: Look;
  readonly big?: boolean;
  /** It cannot be pressed now; it keeps the focus, so that a keyboard is not lost. */
  readonly off?: boolean;
}

/** Whoever presses it keeps a place in the page, also if it goes away by that. */
export function Button({ look = "quiet", big = false, off = false, className = "", type = "button", onClick, ...rest }: Props) {
  const handOver = useHandOver();
  return (
    <button
      {...rest}
      type={type}
      className={`button button-${look}${big ? " button-big" : ""} ${className}`}
      aria-disabled={off || undefined}
      onClick={(event) => {
        if (off) {
          event.preventDefault();
          return;
        }
        handOver(event.currentTarget);
        onClick?.(event);
      }}
    />
  );
}

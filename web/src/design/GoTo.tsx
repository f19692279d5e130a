import { useRouter } from "@tanstack/react-router";
import type { ComponentProps } from "react";

interface Props extends Omit<ComponentProps<"a">, "onClick"> {
  /** An address of this program, with its search. */
  readonly href: string;
}

/** A link to an address that is put together from parts. It never takes itself for the page that is open: whoever draws it says so. */
export function GoTo({ href, children, ...rest }: Props) {
  // Tests of a part of a page have none.
  const router = useRouter({ warn: false }) as { readonly history: { readonly push: (href: string) => void } } | null;
  return (
    <a
      {...rest}
      href={href}
      onClick={(event) => {
        // Another button or key opens it elsewhere, as with every link.
        if (!router || event.button !== 0 || event.metaKey || event.ctrlKey || event.shiftKey || event.altKey) return;
        event.preventDefault();
        router.history.push(href);
      }}
    >
      {children}
    </a>
  );
}

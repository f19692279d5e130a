import { useRouter } from "@tanstack/react-router";
import type { ReactNode } from "react";

interface Props {
  /** An address of this program, with its search. */
  readonly href: string;
  readonly className?: string;
  readonly children: ReactNode;
}

/** A link to an address that is put together from parts. */
export function GoTo({ href, className, children }: Props) {
  // Tests of a part of a page have none.
  const router = useRouter({ warn: false }) as { readonly history: { readonly push: (href: string) => void } } | null;
  return (
    <a
      href={href}
      className={className}
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

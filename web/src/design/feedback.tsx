import type { ReactNode } from "react";
import { textOf } from "../api/problem";
import { Button } from "./Button";
import { Cupcake } from "./Cupcake";

interface NoticeProps {
  readonly look: "info" | "good" | "warn" | "bad";
  /** Read out at once by screen readers when it appears. */
  readonly urgent?: boolean;
  readonly children: ReactNode;
  readonly className?: string;
}

const signs = { info: "ℹ", good: "✓", warn: "!", bad: "✕" };

export function Notice({ look, urgent = false, children, className = "" }: NoticeProps) {
  return (
    <div className={`notice notice-${look} ${className}`} role={urgent ? "alert" : "status"}>
      <span aria-hidden="true">{signs[look]}</span>
      <div className="notice-body">{children}</div>
    </div>
  );
}

/** Something could not be loaded or done. */
export function Failure({ error, retry }: { readonly error: unknown; readonly retry?: () => void }) {
  return (
    <Notice look="bad" urgent>
      <p>{textOf(error)}</p>
      {retry && <Button look="bare" onClick={retry}>Try again</Button>}
    </Notice>
  );
}

export function Loading({ what, bars = 3 }: { readonly what: string; readonly bars?: number }) {
  return (
    <div className="loading" role="status">
      <span className="visually-hidden">Loading {what} …</span>
      {Array.from({ length: bars }, (_, i) => <div key={i} className="loading-bar" aria-hidden="true" />)}
    </div>
  );
}

interface EmptyProps {
  readonly title: string;
  /** It is all that the page has. */
  readonly isPage?: boolean;
  readonly children?: ReactNode;
}

export function Empty({ title, isPage = false, children }: EmptyProps) {
  const Heading = isPage ? "h1" : "h2";
  return (
    <div className="empty">
      <Cupcake flavour="vanilla" size="M" />
      <Heading>{title}</Heading>
      {children}
    </div>
  );
}

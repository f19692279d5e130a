import { useId, type ReactNode } from "react";
import { Failure } from "../../design/feedback";
import { dayAndTime } from "../../design/time";

interface Asked<T> {
  readonly data: T | undefined;
  readonly error: unknown;
  readonly isPlaceholderData: boolean;
  readonly refetch: () => unknown;
}

interface Props<T extends { readonly readUntil?: string }> {
  readonly title: string;
  readonly asked: Asked<T>;
  /** The address of the same as a file. */
  readonly file: string;
  readonly tools?: ReactNode;
  /** Over the whole width. */
  readonly wide?: boolean;
  readonly children: (data: T) => ReactNode;
}

/** A part of the page: what the ledger tells, up to when that is, and the same as a file. */
export function Block<T extends { readonly readUntil?: string }>({ title, asked: { data, error, isPlaceholderData, refetch }, file, tools, wide = false, children }: Props<T>) {
  const id = useId();
  return (
    <section aria-labelledby={id} className={`card history-block${wide ? " history-wide" : ""}`} aria-busy={(!data && !error) || isPlaceholderData}>
      <header className="block-head"><h2 id={id}>{title}</h2>{tools}</header>
      <div className="block-body">
        {error ? <Failure error={error} retry={() => void refetch()} /> : null}
        {data ? children(data) : !error && <div className="block-waits" role="status"><span className="visually-hidden">Loading {title} …</span></div>}
      </div>
      {data && (
        <footer className="block-foot small soft">
          <span>{data.readUntil ? `As of ${dayAndTime(data.readUntil)}` : "The ledger has read nothing yet"}</span>
          <a href={file} download aria-label={`CSV: ${title}`}>CSV</a>
        </footer>
      )}
    </section>
  );
}

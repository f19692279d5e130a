import { useEffect } from "react";

/** What was just done or refused. Each is a word of its own, though it may read like the last. */
export interface Word {
  readonly text: string;
}

const shownFor = 8_000;

/**
 * A word about what was just done. It goes after a while, or when it is pressed. It
 * stands over the masthead and never over the page, which may say what somebody must not miss.
 */
export function Toast({ word, onOver }: { readonly word: Word | null; readonly onOver: (word: Word) => void }) {
  useEffect(() => {
    if (!word) return undefined;
    const timer = setTimeout(() => { onOver(word); }, shownFor);
    return () => { clearTimeout(timer); };
  }, [word, onOver]);
  return (
    <div role="status">
      {word && <button type="button" className="toast" title="Press to close" onClick={() => { onOver(word); }}>{word.text}</button>}
    </div>
  );
}

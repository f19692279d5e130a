import { useEffect, useId, useRef, useState, type ReactNode } from "react";

/**
 * The rest of a list of links, behind a button. It is no menu of commands, in which arrows
 * move: what is in it are links as everywhere.
 */
export function More({ children }: { readonly children: ReactNode }) {
  const [isOpen, setOpen] = useState(false);
  const place = useRef<HTMLDivElement>(null);
  const button = useRef<HTMLButtonElement>(null);
  const id = useId();
  useEffect(() => {
    if (!isOpen) return undefined;
    const goesElsewhere = ({ target }: Event) => {
      if (target instanceof Node && !place.current?.contains(target)) setOpen(false);
    };
    const press = (event: KeyboardEvent) => {
      if (event.key !== "Escape") return;
      setOpen(false);
      // Whoever is elsewhere meanwhile stays there.
      if (place.current?.contains(document.activeElement)) button.current?.focus();
    };
    document.addEventListener("pointerdown", goesElsewhere);
    document.addEventListener("focusin", goesElsewhere);
    document.addEventListener("keydown", press);
    return () => {
      document.removeEventListener("pointerdown", goesElsewhere);
      document.removeEventListener("focusin", goesElsewhere);
      document.removeEventListener("keydown", press);
    };
  }, [isOpen]);
  return (
    <div ref={place} className="more">
      <button ref={button} type="button" className="more-button" aria-expanded={isOpen} aria-controls={isOpen ? id : undefined} onClick={() => { setOpen(!isOpen); }}>
        More <span aria-hidden="true">▾</span>
      </button>
      {isOpen && <ul id={id} className="more-list">{children}</ul>}
    </div>
  );
}

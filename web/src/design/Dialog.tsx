import { useEffect, useId, useRef, type ReactNode } from "react";

interface Props {
  readonly title: string;
  readonly onClose: () => void;
  /** It is wider, and on a phone it comes from below and is as wide as the screen. */
  readonly isSheet?: boolean;
  readonly children: ReactNode;
}

/** A dialog that is open as long as it is there. Escape closes it. */
export function Dialog({ title, onClose, isSheet = false, children }: Props) {
  const dialog = useRef<HTMLDialogElement>(null);
  const id = useId();
  useEffect(() => {
    const element = dialog.current;
    const before = document.activeElement;
    element?.showModal();
    return () => {
      element?.close();
      if (before instanceof HTMLElement && before.isConnected) before.focus();
    };
  }, []);
  return (
    <dialog ref={dialog} className={`dialog${isSheet ? " dialog-sheet" : ""}`} aria-labelledby={id} onCancel={(event) => { event.preventDefault(); onClose(); }}>
      <div className="dialog-body">
        <h2 id={id}>{title}</h2>
        {children}
      </div>
    </dialog>
  );
}

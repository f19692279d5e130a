import { useId } from "react";
import type { Menu } from "../../api/schema.gen";
import { andText, conflicts, type Draft } from "./draft";

interface Props {
  readonly draft: Draft;
  readonly menu: Menu;
  readonly fault: string | undefined;
  readonly onChange: (part: Partial<Draft>) => void;
}

/** Flavours in the basket that the customer may not tolerate, each to be confirmed. */
export function Allergies({ draft, menu, fault, onChange }: Props) {
  const id = useId();
  const met = conflicts(draft, menu);
  // A menu that has just changed may have told the server of one that this page does not know yet.
  if (met.length === 0) return fault ? <p className="field-error" data-fault tabIndex={-1}>{fault}</p> : null;
  return (
    <section className="allergies notice notice-bad" aria-labelledby={id}>
      <span aria-hidden="true">!</span>
      <div className="notice-body stack">
        <h2 id={id}>Your allergy</h2>
        {met.map(({ flavour, name, allergens, confirmation }) => {
          const isConfirmed = draft.confirmed.includes(confirmation);
          const toggle = () => { onChange({ confirmed: isConfirmed ? draft.confirmed.filter((each) => each !== confirmation) : [...draft.confirmed, confirmation] }); };
          const isAtFault = fault !== undefined && !isConfirmed;
          return (
            <div key={flavour}>
              <p role="status"><strong>{name} contains {andText(allergens)}.</strong> You said that you are allergic to it.</p>
              <label className="tick">
                <input type="checkbox" checked={isConfirmed} aria-invalid={isAtFault || undefined} aria-describedby={isAtFault ? `${id}-fault` : undefined} onChange={toggle} />
                <span>I know that {name} contains {andText(allergens)}, and want it all the same</span>
              </label>
            </div>
          );
        })}
        {fault && <p id={`${id}-fault`} className="field-error">{fault}</p>}
      </div>
    </section>
  );
}

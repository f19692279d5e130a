import type { Menu } from "../../api/schema.gen";
import { Field } from "../../design/Field";
import type { Draft, Faults } from "./draft";

interface Props {
  readonly menu: Menu;
  readonly draft: Draft;
  readonly faults: Faults;
  readonly onChange: (part: Partial<Draft>) => void;
}

/** Who orders, and what the kitchen must know. */
export function Customer({ menu, draft, faults, onChange }: Props) {
  const allergens = [...new Set(menu.flavours.flatMap((flavour) => flavour.allergens))].sort();
  const toggle = (allergen: string) => {
    onChange({ allergens: draft.allergens.includes(allergen) ? draft.allergens.filter((each) => each !== allergen) : [...draft.allergens, allergen] });
  };
  return (
    <section className="card stack" aria-labelledby="for-whom">
      <h2 id="for-whom">Your details</h2>
      <Field label="Name" error={faults.name}>
        {(wiring) => <input {...wiring} className="input" dir="auto" autoComplete="name" value={draft.name} onChange={(event) => { onChange({ name: event.target.value }); }} />}
      </Field>
      <Field label="Phone (optional)" hint="Only for our staff, in case there is a question." error={faults.phone}>
        {(wiring) => <input {...wiring} className="input" type="tel" autoComplete="tel" value={draft.phone} onChange={(event) => { onChange({ phone: event.target.value }); }} />}
      </Field>
      {menu.limits.allergies > 0 && (
        <>
          <fieldset>
            <legend className="field-legend">Allergies</legend>
            <div className="choices">
              {allergens.map((allergen) => (
                <label key={allergen} className="choice">
                  <input type="checkbox" checked={draft.allergens.includes(allergen)} onChange={() => { toggle(allergen); }} />
                  <span>{allergen}</span>
                </label>
              ))}
            </div>
          </fieldset>
          <Field label="Other allergies" hint="Separate several with commas. Every station sees them." error={faults.allergies}>
            {(wiring) => <input {...wiring} className="input" autoComplete="off" value={draft.otherAllergies} onChange={(event) => { onChange({ otherAllergies: event.target.value }); }} />}
          </Field>
        </>
      )}
      {menu.limits.notesLength > 0 && (
        <Field label="Notes for the kitchen" hint="Optional" error={faults.notes}>
          {(wiring) => <textarea {...wiring} className="input" dir="auto" value={draft.notes} onChange={(event) => { onChange({ notes: event.target.value }); }} />}
        </Field>
      )}
    </section>
  );
}

import { useEffect, useRef } from "react";
import type { SignInName } from "../../api/schema.gen";
import { Button } from "../../design/Button";
import { leaveRow } from "../../design/focus";
import { stageOfRole } from "../../design/stages";

interface Props {
  readonly people: readonly SignInName[];
  /** Who was chosen before, by mistake: their tile has the focus. */
  readonly last?: SignInName | null;
  readonly onChoose: (person: SignInName) => void;
  /** Removes a name from this device; absent where the operator shows the names. */
  readonly onForget?: ((person: SignInName) => void) | undefined;
}

/** The people of a shared tablet, to choose from. */
export function Tiles({ people, last = null, onChoose, onForget }: Props) {
  const tile = useRef<HTMLButtonElement>(null);
  useEffect(() => { tile.current?.focus(); }, []);
  return (
    <section className="card stack" aria-labelledby="who">
      <h2 id="who">Who are you?</h2>
      <ul className="sign-in-tiles">
        {people.map((person) => (
          <li key={person.name} data-stage={stageOfRole(person.role)}>
            <Button ref={person.name === last?.name ? tile : undefined} className="sign-in-tile" onClick={() => { onChoose(person); }}>
              <span className="sign-in-initial" aria-hidden="true" translate="no">{Array.from(person.name)[0]?.toUpperCase()}</span>
              <b className="wrap-anywhere" dir="auto" translate="no">{person.name}</b>
              <span className="small">{person.role}</span>
            </Button>
            {onForget && <Button look="bare" aria-label={`Remove ${person.name} from this device`} className="sign-in-forget" onClick={(event) => { leaveRow(event.currentTarget); onForget(person); }}>Remove</Button>}
          </li>
        ))}
      </ul>
    </section>
  );
}

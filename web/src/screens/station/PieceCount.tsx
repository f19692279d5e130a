import { Button } from "../../design/Button";
import { Field } from "../../design/Field";

const most = 10_000; // as the API has it

interface Props {
  readonly label: string;
  readonly value: number;
  readonly onChange: (pieces: number) => void;
}

/** A number of pieces, by touch or by typing. */
export function PieceCount({ label, value, onChange }: Props) {
  const set = (pieces: number) => { onChange(Math.min(most, Math.max(0, Math.floor(pieces) || 0))); };
  return (
    <Field label={label}>
      {(wiring) => (
        <div className="piece-count">
          <Button aria-label="One fewer" onClick={() => { set(value - 1); }}>−</Button>
          <input {...wiring} className="input numbers" inputMode="numeric" value={String(value)} onChange={(event) => { set(Number(event.target.value.replace(/\D/g, ""))); }} />
          <Button aria-label="One more" onClick={() => { set(value + 1); }}>+</Button>
        </div>
      )}
    </Field>
  );
}

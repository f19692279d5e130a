import { useState } from "react";
import { Button } from "../../design/Button";
import { Field } from "../../design/Field";

interface Props {
  readonly label: string;
  readonly isLabelHidden?: boolean;
  readonly value: number;
  readonly most: number;
  readonly onChange: (quantity: number) => void;
}

/** How many pieces, from one to the most. */
export function Quantity({ label, isLabelHidden = false, value, most, onChange }: Props) {
  // While somebody types, the field may be empty.
  const [typed, setTyped] = useState<string | null>(null);
  const set = (quantity: number) => { onChange(Math.min(most, Math.max(1, Math.floor(quantity) || 1))); };
  return (
    <Field label={isLabelHidden ? <span className="visually-hidden">{label}</span> : label}>
      {(wiring) => (
        <div className="quantity">
          <Button aria-label={`One fewer: ${label}`} off={value <= 1} onClick={() => { set(value - 1); }}>−</Button>
          <input
            {...wiring}
            className="input numbers"
            inputMode="numeric"
            autoComplete="off"
            value={typed ?? String(value)}
            onChange={(event) => {
              const digits = event.target.value.replace(/\D/g, "").slice(0, 6);
              setTyped(digits);
              if (digits) set(Number(digits));
            }}
            onBlur={() => { setTyped(null); }}
          />
          <Button aria-label={`One more: ${label}`} off={value >= most} onClick={() => { set(value + 1); }}>+</Button>
        </div>
      )}
    </Field>
  );
}

import { useState, type ReactNode } from "react";
import { readCount, type Range } from "../text";
import { Button } from "./Button";
import { Field } from "./Field";

interface Props extends Range {
  readonly label: string;
  readonly isLabelHidden?: boolean;
  readonly hint?: ReactNode;
  /** NaN while the typed text is no valid number. */
  readonly value: number;
  readonly onChange: (value: number) => void;
}

/** A number of pieces, by touch or by typing. It says what is wrong with a typed text, and never turns it into another number. */
export function CountField({ label, isLabelHidden = false, hint, value, least, most, onChange }: Props) {
  // A typed text stays as it is as long as it means the value.
  const [typed, setTyped] = useState<string | null>(null);
  const meant = typed === null ? undefined : readCount(typed, { least, most });
  const isOfValue = meant !== undefined && ("value" in meant ? meant.value === value : !(value >= least && value <= most));
  const shown = isOfValue ? (typed ?? "") : Number.isNaN(value) ? "" : String(value);
  const count = readCount(shown, { least, most });
  const step = (by: number) => {
    setTyped(null);
    onChange("value" in count ? Math.min(most, Math.max(least, count.value + by)) : Math.max(least, Math.min(most, value || least)));
  };
  return (
    <Field label={isLabelHidden ? <span className="visually-hidden">{label}</span> : label} hint={hint} error={"fault" in count ? count.fault : undefined}>
      {(wiring) => (
        <div className="count-field">
          <Button aria-label={`One fewer: ${label}`} off={value <= least} onClick={() => { step(-1); }}>−</Button>
          <input
            {...wiring}
            className="input numbers"
            inputMode="numeric"
            autoComplete="off"
            value={shown}
            onChange={(event) => {
              const next = readCount(event.target.value, { least, most });
              setTyped(event.target.value);
              onChange("value" in next ? next.value : Number.NaN);
            }}
            onBlur={() => {
              if ("value" in count) setTyped(null);
            }}
          />
          <Button aria-label={`One more: ${label}`} off={value >= most} onClick={() => { step(1); }}>+</Button>
        </div>
      )}
    </Field>
  );
}

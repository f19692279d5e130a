import { useEffect, useId, useRef, useState, type KeyboardEvent, type SyntheticEvent } from "react";
import { Button } from "../../design/Button";
import { Notice } from "../../design/feedback";
import { countText } from "../../text";

interface Props {
  readonly name: string;
  readonly work: string;
  readonly hint?: string | undefined;
  /** Why the last PIN was not accepted. */
  readonly fault: string | undefined;
  readonly busy: boolean;
  /** Resolves when it was answered. */
  readonly onSignIn: (pin: string) => Promise<void>;
  readonly onBack: () => void;
}

const leastDigits = 6;
const mostDigits = 12;
const keys = ["1", "2", "3", "4", "5", "6", "7", "8", "9"];

/** Asks one person for their PIN, with keys for a finger; a keyboard works too. */
export function PinPad({ name, work, hint, fault, busy, onSignIn, onBack }: Props) {
  const [pin, setPin] = useState("");
  const input = useRef<HTMLInputElement>(null);
  const id = useId();
  useEffect(() => { input.current?.focus(); }, []);

  const type = (digits: string) => { setPin((typed) => (typed + digits).replace(/\D/g, "").slice(0, mostDigits)); };
  const removeLast = () => { setPin((typed) => typed.slice(0, -1)); };
  const submit = (event: SyntheticEvent) => {
    event.preventDefault();
    if (busy || pin.length < leastDigits) return;
    // Whatever the answer is, the next try starts from nothing.
    void onSignIn(pin).finally(() => {
      setPin("");
      input.current?.focus();
    });
  };
  /** Digits count wherever the focus is. */
  const press = (event: KeyboardEvent) => {
    if (event.ctrlKey || event.metaKey || event.altKey) return;
    if (event.key === "Escape") onBack();
    else if (event.target === input.current) return;
    else if (/^\d$/.test(event.key)) type(event.key);
    else if (event.key === "Backspace") removeLast();
  };
  const key = (label: string, act: () => void, text = label) => (
    // The focus stays where it is when a finger presses, so that a keyboard goes on at the same place.
    <Button key={label} aria-label={text === label ? undefined : label} className="pin-key" onPointerDown={(event) => { event.preventDefault(); }} onClick={act}>{text}</Button>
  );
  return (
    // Keys that bubble up from its input and its buttons.
    // eslint-disable-next-line jsx-a11y/no-noninteractive-element-interactions
    <form className="card stack pin-pad" onSubmit={submit} onKeyDown={press} aria-label={`Sign in as ${name}`} noValidate>
      <div>
        <h2><label htmlFor={id}>PIN of <span className="wrap-anywhere" translate="no">{name}</span></label></h2>
        <p className="soft">{work}{hint !== undefined && <>, {hint}</>}</p>
      </div>
      {fault !== undefined && <Notice look="bad" urgent>{fault}</Notice>}
      <input
        ref={input}
        id={id}
        className="input sign-in-pin"
        type="password"
        inputMode="none"
        autoComplete="current-password"
        aria-describedby={`${id}-digits`}
        value={pin}
        onChange={(event) => { setPin(event.target.value.replace(/\D/g, "").slice(0, mostDigits)); }}
      />
      <p id={`${id}-digits`} role="status" className="visually-hidden">{countText(pin.length, "digit")} of {leastDigits} to {mostDigits}</p>
      <div className="pin-keys">
        {keys.map((digit) => key(digit, () => { type(digit); }))}
        {key("Clear", () => { setPin(""); })}
        {key("0", () => { type("0"); })}
        {key("Delete the last digit", removeLast, "⌫")}
      </div>
      <div className="pin-ends">
        <Button big onClick={onBack}>Back</Button>
        <Button big look="primary" type="submit" off={busy || pin.length < leastDigits}>{busy ? "Signing in …" : "Sign in"}</Button>
      </div>
    </form>
  );
}

import { useRef, useState, type SyntheticEvent } from "react";
import type { Line, Menu } from "../../api/schema.gen";
import { Button } from "../../design/Button";
import { CountField } from "../../design/CountField";
import { Cupcake } from "../../design/Cupcake";
import { Field } from "../../design/Field";
import { cleanText, countText } from "../../text";
import { lengthOf, newLine } from "./draft";
import { soldOutText } from "./soldOut";

interface Props {
  readonly menu: Menu;
  readonly onAdd: (line: Line) => void;
  readonly isFull: boolean;
}

/** Where a customer composes a cupcake and sees it. */
export function Builder({ menu, onAdd, isFull }: Props) {
  const { flavours, sizes, limits } = menu;
  const [code, setCode] = useState(() => (flavours.find((each) => soldOutText(menu, each.code) === null) ?? flavours[0])?.code ?? "");
  const [size, setSize] = useState(sizes.find((each) => each.code === "M")?.code ?? sizes[0]?.code ?? "M");
  const [quantity, setQuantity] = useState(Math.min(6, limits.quantity));
  const [message, setMessage] = useState("");
  const [added, setAdded] = useState("");
  const flavour = flavours.find((each) => each.code === code);
  const form = useRef<HTMLFormElement>(null);
  const soldOut = soldOutText(menu, code);
  const excess = lengthOf(message.trim()) - limits.messageLength;
  const add = (event: SyntheticEvent) => {
    event.preventDefault();
    if (excess > 0 || isFull || soldOut !== null || Number.isNaN(quantity)) {
      form.current?.querySelector<HTMLElement>("[aria-invalid=true]")?.focus();
      return;
    }
    onAdd(newLine(code, size, quantity, message));
    setAdded(`${quantity} × ${flavour?.name ?? code} ${size} added to the basket.`);
    setMessage("");
  };
  return (
    <form ref={form} className="builder" onSubmit={add} noValidate>
      <fieldset>
        <legend><h2>Flavour</h2></legend>
        <div className="flavours">
          {flavours.map((each) => {
            const gone = soldOutText(menu, each.code);
            // The rule does not look into the card, which has the flavour's name.
            return <label key={each.code} className={`flavour${gone ? " flavour-gone" : ""}`}>
              <input type="radio" name="flavour" value={each.code} checked={each.code === code} disabled={gone !== null && each.code !== code} onChange={() => { setCode(each.code); }} />
              <span className="flavour-card">
                <span className="flavour-picture"><Cupcake flavour={each.code} size="L" /></span>
                <span className="flavour-name">{each.name}</span>
                {gone && <span className="badge badge-warn">{gone}</span>}
                <span className="flavour-allergens small">{each.allergens.length > 0 ? `Contains ${each.allergens.join(", ")}` : "No listed allergens"}</span>
              </span>
            </label>;
          })}
        </div>
      </fieldset>
      <div className="card builder-card">
        <div className="builder-picture"><Cupcake flavour={code} size={size} message={cleanText(message).trim()} /></div>
        <div className="stack builder-fields">
          <h2>{flavour?.name ?? code}</h2>
          <fieldset>
            <legend className="field-legend">Size</legend>
            <div className="choices">
              {sizes.map((each) => (
                <label key={each.code} className="choice">
                  <input type="radio" name="size" value={each.code} checked={each.code === size} onChange={() => { setSize(each.code); }} />
                  <span>{each.label}{each.grams ? `, ${each.grams} g` : ""}</span>
                </label>
              ))}
            </div>
          </fieldset>
          <CountField label="How many" value={quantity} least={1} most={limits.quantity} onChange={setQuantity} />
          {limits.messageLength > 0 && (
            <Field
              label="Message on each"
              hint={`Optional; ${countText(Math.max(0, limits.messageLength - lengthOf(message)), "character")} left`}
              error={excess > 0 ? `${countText(excess, "character")} too many.` : undefined}
            >
              {(wiring) => <input {...wiring} className="input" dir="auto" autoComplete="off" value={message} onChange={(event) => { setMessage(event.target.value); }} />}
            </Field>
          )}
          <Button look="primary" type="submit" off={excess > 0 || isFull || soldOut !== null}>{isFull ? "The basket is full" : soldOut ?? "Add to basket"}</Button>
          <p className="small soft" role="status">{added}</p>
        </div>
      </div>
    </form>
  );
}

import { useRef, useState, type SyntheticEvent } from "react";
import type { Flavour, Line, Menu } from "../../api/schema.gen";
import { Button } from "../../design/Button";
import { CountField } from "../../design/CountField";
import { Cupcake } from "../../design/Cupcake";
import { Dialog } from "../../design/Dialog";
import { Field } from "../../design/Field";
import { moneyText, priceOf } from "../../prices";
import { cleanText, countText } from "../../text";
import { lengthOf, newLine } from "./draft";
import { soldOutText } from "./soldOut";

interface Props {
  readonly menu: Menu;
  readonly onAdd: (line: Line) => void;
  readonly isFull: boolean;
  /** What to know before adding the flavour; null if there is nothing. */
  readonly warningOf: (flavour: string) => string | null;
}

/**
 * The flavours. One that is pressed opens a dialog with what is left to choose, so that
 * the next step is in sight on every screen.
 */
export function Builder({ menu, onAdd, isFull, warningOf }: Props) {
  const [chosen, setChosen] = useState<Flavour | null>(null);
  const close = () => { setChosen(null); };
  return (
    <section className="builder" aria-labelledby="flavours">
      <h2 id="flavours" tabIndex={-1}>Choose a flavour</h2>
      <div className="flavours">
        {menu.flavours.map((each) => (
          <button key={each.code} type="button" className={`flavour${soldOutText(menu, each.code) ? " flavour-gone" : ""}`} aria-haspopup="dialog" disabled={soldOutText(menu, each.code) !== null} onClick={() => { setChosen(each); }}>
            <FlavourWords menu={menu} flavour={each} />
          </button>
        ))}
      </div>
      {chosen && (
        <Dialog title={chosen.name} isSheet onClose={close}>
          <Composer menu={menu} flavour={chosen} isFull={isFull} warning={warningOf(chosen.code)} onAdd={(line) => { close(); onAdd(line); }} onClose={close} />
        </Dialog>
      )}
    </section>
  );
}

/** "Contains egg, milk". */
function containsText({ allergens }: Flavour): string {
  return allergens.length > 0 ? `Contains ${allergens.join(", ")}` : "No listed allergens";
}

function FlavourWords({ menu, flavour }: { readonly menu: Menu; readonly flavour: Flavour }) {
  const { prices, sizes } = menu;
  const { code, name } = flavour;
  const gone = soldOutText(menu, code);
  const costs = prices ? sizes.flatMap((size) => priceOf(prices, { flavour: code, size: size.code }) ?? []) : [];
  return (
    <>
      <span className="flavour-picture"><Cupcake flavour={code} size="L" /></span>
      <span className="flavour-name">{name}</span>
      {gone && <span className="badge badge-warn">{gone}</span>}
      <span className="flavour-allergens small">{containsText(flavour)}</span>
      {!gone && prices && costs.length > 0 && <span className="flavour-price numbers">{costs.length > 1 && "from "}{moneyText(prices, Math.min(...costs))}</span>}
    </>
  );
}

interface ComposerProps {
  readonly menu: Menu;
  readonly flavour: Flavour;
  readonly isFull: boolean;
  readonly warning: string | null;
  readonly onAdd: (line: Line) => void;
  readonly onClose: () => void;
}

/** Size, number and message of a cupcake of the chosen flavour. */
function Composer({ menu, flavour, isFull, warning, onAdd, onClose }: ComposerProps) {
  const { sizes, limits, prices } = menu;
  const { code } = flavour;
  const [size, setSize] = useState(sizes.find((each) => each.code === "M")?.code ?? sizes[0]?.code ?? "M");
  const [quantity, setQuantity] = useState(Math.min(6, limits.quantity));
  const [message, setMessage] = useState("");
  const form = useRef<HTMLFormElement>(null);
  const piece = prices && priceOf(prices, newLine(code, size, 1, message));
  const soldOut = soldOutText(menu, code);
  const excess = lengthOf(message.trim()) - limits.messageLength;
  const add = (event: SyntheticEvent) => {
    event.preventDefault();
    if (excess > 0 || isFull || soldOut !== null || Number.isNaN(quantity)) {
      form.current?.querySelector<HTMLElement>("[aria-invalid=true]")?.focus();
      return;
    }
    onAdd(newLine(code, size, quantity, message));
  };
  return (
    <form ref={form} className="builder-card" onSubmit={add} noValidate>
      <div className="builder-picture"><Cupcake flavour={code} size={size} message={cleanText(message).trim()} /></div>
      <div className="stack builder-fields">
        {warning ? <p className="notice notice-bad"><span aria-hidden="true">!</span><strong className="notice-body">{warning}</strong></p> : <p className="soft">{containsText(flavour)}</p>}
        <fieldset>
          <legend className="field-legend">Size</legend>
          <div className="choices builder-sizes">
            {sizes.map((each) => {
              const cost = prices && priceOf(prices, { flavour: code, size: each.code });
              return (
                <label key={each.code} className="choice">
                  <input type="radio" name="size" value={each.code} checked={each.code === size} onChange={() => { setSize(each.code); }} />
                  <span>{each.label}{each.grams ? `, ${each.grams} g` : ""}{prices && cost !== undefined ? `, ${moneyText(prices, cost)}` : ""}</span>
                </label>
              );
            })}
          </div>
        </fieldset>
        <CountField label="How many" value={quantity} least={1} most={limits.quantity} onChange={setQuantity} />
        {limits.messageLength > 0 && (
          <Field
            label="Message on each"
            hint={`Optional${prices?.message ? `, ${moneyText(prices, prices.message)} for each cupcake` : ""}; ${countText(Math.max(0, limits.messageLength - lengthOf(message)), "character")} left`}
            error={excess > 0 ? `${countText(excess, "character")} too many.` : undefined}
          >
            {(wiring) => <input {...wiring} className="input" dir="auto" autoComplete="off" value={message} onChange={(event) => { setMessage(event.target.value); }} />}
          </Field>
        )}
        {prices && piece !== undefined && (
          <p className="numbers">{Number.isNaN(quantity) ? `${moneyText(prices, piece)} each` : <>{quantity} × {moneyText(prices, piece)} = <b>{moneyText(prices, quantity * piece)}</b></>}</p>
        )}
        <div className="dialog-actions builder-actions">
          <Button onClick={onClose}>Back</Button>
          <Button look="primary" type="submit" off={excess > 0 || isFull || soldOut !== null}>{isFull ? "The basket is full" : soldOut ?? "Add to basket"}</Button>
        </div>
      </div>
    </form>
  );
}

import type { Line, Menu } from "../../api/schema.gen";
import { Button } from "../../design/Button";
import { CountField } from "../../design/CountField";
import { Cupcake } from "../../design/Cupcake";
import { leaveRow } from "../../design/focus";
import { moneyText, priceOf, totalOf } from "../../prices";
import { soldOutText } from "./soldOut";

interface Props {
  readonly menu: Menu;
  readonly lines: readonly Line[];
  readonly fault: string | undefined;
  readonly faults: Readonly<Record<number, string>>;
  readonly onChange: (lines: readonly Line[]) => void;
}

/** The field itself says what is wrong with its number. */
const isCount = (quantity: number, { limits }: Menu) => quantity >= 1 && quantity <= limits.quantity;

export function Basket({ menu, lines, fault, faults, onChange }: Props) {
  const name = (code: string) => menu.flavours.find((flavour) => flavour.code === code)?.name ?? code;
  const label = (code: string) => menu.sizes.find((size) => size.code === code)?.label.toLowerCase() ?? code;
  const { prices } = menu;
  const total = totalOf(prices, lines);
  return (
    <section className="card stack" aria-labelledby="basket">
      <h2 id="basket" tabIndex={-1}>Basket</h2>
      {lines.length === 0 && <p className="soft">Your basket is empty. Choose a flavour and add it.</p>}
      {fault && <p className="field-error" data-fault tabIndex={-1}>{fault}</p>}
      <ul className="basket">
        {lines.map((line, i) => {
          const piece = prices && priceOf(prices, line);
          const soldOut = soldOutText(menu, line.flavour);
          const title = `${name(line.flavour)}, ${label(line.size)}`;
          return (
            <li key={`${line.flavour} ${line.size} ${line.message ?? ""}`}>
              <div className="basket-picture"><Cupcake flavour={line.flavour} size={line.size} /></div>
              <div className="basket-words">
                <b className="wrap-anywhere">{title}</b>
                {line.message && <p className="soft small">“<span dir="auto" className="wrap-anywhere" translate="no">{line.message}</span>”</p>}
                {prices && piece !== undefined && <p className="basket-price numbers"><span className="soft small">{moneyText(prices, piece)} each</span> <b>{moneyText(prices, piece * line.quantity)}</b></p>}
                {soldOut && <p role="status"><span className="badge badge-warn">{soldOut}</span></p>}
                {faults[i] && isCount(line.quantity, menu) && <p className="field-error" data-fault tabIndex={-1}>{faults[i]}</p>}
                <div className="row">
                  {/* A draft has no NaN; 0 counts as a fault too. */}
                  <CountField label={`Pieces of ${title}`} isLabelHidden value={line.quantity} least={1} most={menu.limits.quantity} onChange={(quantity) => { onChange(lines.with(i, { ...line, quantity: quantity || 0 })); }} />
                  <Button look="bare" aria-label={`Remove ${title}`} onClick={(event) => { leaveRow(event.currentTarget); onChange(lines.toSpliced(i, 1)); }}>Remove</Button>
                </div>
              </div>
            </li>
          );
        })}
      </ul>
      {total && lines.length > 0 && (
        <div className="basket-total">
          <b>Total</b> <b className="numbers">{moneyText(total, total.amount)}</b>
          <span className="soft small">You pay at pickup.</span>
        </div>
      )}
    </section>
  );
}

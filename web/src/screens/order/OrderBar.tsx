import { Button } from "../../design/Button";
import { countText } from "../../text";
import type { NextStep } from "./steps";

interface Props {
  readonly pieces: number;
  /** What the basket costs; undefined if it has no price. */
  readonly cost: string | undefined;
  /** What was just put into the basket. */
  readonly added: string;
  readonly step: NextStep;
  readonly busy: boolean;
  /** The form that the last step sends. */
  readonly form: string;
  readonly onChoose: () => void;
  readonly onContinue: () => void;
}

/** What is in the basket and what to do next, always in sight. */
export function OrderBar({ pieces, cost, added, step, busy, form, onChoose, onContinue }: Props) {
  return (
    <section className="order-bar" aria-label="Next step">
      <p className="order-bar-words" role="status">
        {pieces > 0 ? <><b>{countText(pieces, "cupcake")}</b> {cost && <span className="numbers">{cost}</span>}</> : <span>Your basket is empty</span>}
        {added && pieces > 0 && <span className="soft small order-bar-added">{added}</span>}
      </p>
      {step === "choose" && <Button key="choose" big onClick={onChoose}>Choose a flavour</Button>}
      {step === "continue" && <Button key="continue" look="primary" big onClick={onContinue}>Continue</Button>}
      {step === "order" && (
        <Button key="order" look="primary" big type="submit" form={form} off={busy}>
          {busy ? "Ordering …" : <span>Order{pieces > 0 && <span className="visually-hidden"> {countText(pieces, "cupcake")}{cost ? ` for ${cost}` : ""}</span>}</span>}
        </Button>
      )}
    </section>
  );
}

import { useQuery } from "@tanstack/react-query";
import { menuQuery } from "../../api/queries";
import type { OrderExplanation } from "../../api/schema.gen";
import { dueText } from "../../design/time";
import { moneyText } from "../../prices";

/** A label for each of an order's boxes. It is only printed, one a page. */
export function Labels({ explained: { order, boxes } }: { readonly explained: OrderExplanation }) {
  const { data: menu } = useQuery(menuQuery);
  const flavourOf = (code: string) => menu?.flavours.find((each) => each.code === code);
  return (
    <div className="print-only">
      {boxes.map(({ code, lines }, i) => {
        const allergens = [...new Set(lines.flatMap(({ flavour }) => flavourOf(flavour)?.allergens ?? []))].sort();
        return (
          <article key={i} className="label">
            <p className="label-head"><b className="code">{order.pickupCode}</b> <span>box {i + 1} of {boxes.length}</span></p>
            <p className="label-name" dir="auto">{order.customer.name.trim().split(/\s+/)[0]}</p>
            <ul>{lines.map(({ flavour, size, quantity, message }, n) => <li key={n}>{quantity} × {flavourOf(flavour)?.name ?? flavour} {size}{message && <> <q dir="auto">{message}</q></>}</li>)}</ul>
            {allergens.length > 0 && <p>Contains {allergens.join(", ")}</p>}
            {order.allergies && order.allergies.length > 0 && <p className="label-allergy">ALLERGY: {order.allergies.join(", ")}</p>}
            <p className="label-foot"><span>{order.dueAt ? dueText(order.dueAt) : `Ordered ${dueText(order.placedAt)}`}</span> <span>Box {code}</span> {order.total && <b>{moneyText(order.total, order.total.amount)}</b>}</p>
          </article>
        );
      })}
    </div>
  );
}

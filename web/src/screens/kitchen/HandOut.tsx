import { useQuery, useQueryClient } from "@tanstack/react-query";
import { useRef, useState } from "react";
import { api } from "../../api/client";
import { textOf } from "../../api/problem";
import { readyQuery } from "../../api/queries";
import type { ReadyOrder } from "../../api/schema.gen";
import { AllergyFlag } from "../../design/AllergyFlag";
import { Button } from "../../design/Button";
import { Failure } from "../../design/feedback";
import { Field } from "../../design/Field";
import { GoTo } from "../../design/GoTo";
import { dayAndTime } from "../../design/time";
import { useLive } from "../../live/hooks";
import { moneyText } from "../../prices";
import { countText } from "../../text";
import { useRefetchOnChange } from "../useRefetchOnChange";
import "./kitchen.css";

/** How many orders are listed. Whoever looks for another one searches. */
const listed = 30;

/** For staff at the counter: what is ready and was not collected, and the button for each. */
export function HandOut() {
  const { kitchen } = useLive("kitchen");
  const queryClient = useQueryClient();
  const [search, setSearch] = useState("");
  const ready = useQuery({ ...readyQuery(search.trim(), listed), placeholderData: (before) => before });
  useRefetchOnChange(kitchen?.state.readyVersion ?? 0, ready.refetch);
  const [last, setLast] = useState<ReadyOrder | null>(null);
  const [error, setError] = useState("");
  const told = useRef<HTMLParagraphElement>(null);
  const collect = async (order: ReadyOrder, is: boolean) => {
    setError("");
    try {
      await api.collected(order, is);
      setLast(is ? order : null);
      setSearch("");
      // The button goes away with its order. The next one must not be pressed by the same touch.
      told.current?.focus();
      await queryClient.invalidateQueries({ queryKey: ["ready"] });
    } catch (failure) {
      setError(`${order.pickupCode}: ${textOf(failure)}`);
    }
  };
  const orders = ready.data?.orders ?? [];
  const hidden = (ready.data?.count ?? 0) - orders.length;
  return (
    <section className="card stack hand-out" aria-labelledby="hand-out">
      <h2 id="hand-out">Hand out <span className="badge numbers">{kitchen?.state.uncollected ?? orders.length}</span></h2>
      <Field label="Find by code or name">
        {(wiring) => <input {...wiring} className="input" type="search" maxLength={80} autoComplete="off" value={search} onChange={(event) => { setSearch(event.target.value); }} />}
      </Field>
      {ready.error && <Failure error={ready.error} />}
      {error && <p className="field-error" role="alert">{error}</p>}
      <p role="status" ref={told} tabIndex={-1}>
        {last && <><b className="code" translate="no">{last.pickupCode}</b> is collected. <Button look="bare" onClick={() => void collect(last, false)}>Not collected after all</Button></>}
      </p>
      {ready.data && orders.length === 0 && <p className="soft">{search.trim() ? "No order that is ready has this code or name." : "Everything that is ready was collected."}</p>}
      <ul className="switches" aria-label="Ready and not collected">
        {orders.map((order) => (
          <li key={order.id}>
            <div className="wrap-anywhere">
              <b className="code" translate="no"><GoTo href={`/find/${order.id}`}>{order.pickupCode}</GoTo></b> <span translate="no" dir="auto">{order.name}</span> <span className="soft small">{countText(order.pieces, "piece")}, since {dayAndTime(order.since)}</span>{order.total && <> <b className="numbers">{moneyText(order.total, order.total.amount)}</b></>}
              <AllergyFlag allergies={order.allergies} />
            </div>
            <Button aria-label={`${order.pickupCode} is collected`} onClick={() => void collect(order, true)}>Collected</Button>
          </li>
        ))}
      </ul>
      {hidden > 0 && <p className="soft">And {countText(hidden, "order")} more. Find one by its code or name.</p>}
    </section>
  );
}

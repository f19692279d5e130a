import { useQuery } from "@tanstack/react-query";
import { useRef, useState, type SyntheticEvent } from "react";
import { api, newKey } from "../../api/client";
import { asProblem } from "../../api/problem";
import { menuQuery } from "../../api/queries";
import type { Menu, StandingOrder } from "../../api/schema.gen";
import { Button } from "../../design/Button";
import { CountField } from "../../design/CountField";
import { Failure, Loading, Notice } from "../../design/feedback";
import { Field } from "../../design/Field";
import { dayText } from "../../design/time";
import { nameOf, weekdays } from "./standing";

interface Props {
  readonly onTaken: (order: StandingOrder) => void;
}

/** Takes a standing order. */
export function StandingForm(props: Props) {
  const menu = useQuery(menuQuery);
  if (menu.error) return <Failure error={menu.error} />;
  return menu.data ? <Form {...props} menu={menu.data} /> : <Loading what="the menu" />;
}

function Form({ menu, onTaken }: Props & { readonly menu: Menu }) {
  const empty = { name: "", phone: "", lines: [newLine(menu)], days: [] as StandingOrder["days"], at: "", until: "" };
  const [draft, setDraft] = useState(empty);
  const [error, setError] = useState("");
  const [taken, setTaken] = useState<StandingOrder | null>(null);
  const [busy, setBusy] = useState(false);
  // The same draft has the same key, so that pressing again after a lost answer takes it once.
  const sent = useRef({ body: "", key: "" });
  const change = (part: Partial<typeof empty>) => {
    setDraft({ ...draft, ...part });
    setTaken(null);
  };
  const changeLine = (at: number, part: Partial<(typeof empty.lines)[number]>) => {
    change({ lines: draft.lines.map((line, i) => (i === at ? { ...line, ...part } : line)) });
  };
  const take = async (event: SyntheticEvent) => {
    event.preventDefault();
    if (busy) return;
    const missing = draft.name.trim() === "" ? "Who is it for?" : draft.days.length === 0 ? "On which days?" : draft.at === "" ? "At what time is it picked up?"
      : draft.lines.some(({ quantity }) => Number.isNaN(quantity)) ? "How many cupcakes?" : "";
    setError(missing);
    if (missing) return;
    const body = {
      order: { customer: { name: draft.name.trim() }, ...(draft.phone.trim() && { phone: draft.phone.trim() }), lines: draft.lines.map(({ flavour, size, quantity }) => ({ flavour, size, quantity })) },
      days: draft.days, at: draft.at, ...(draft.until && { until: draft.until }),
    };
    const text = JSON.stringify(body);
    if (sent.current.body !== text) sent.current = { body: text, key: newKey() };
    setBusy(true);
    try {
      const order = await api.takeStanding(body, sent.current.key);
      sent.current = { body: "", key: "" };
      setDraft(empty);
      setTaken(order);
      onTaken(order);
    } catch (failure) {
      const problem = asProblem(failure);
      setError(`${problem.message}${problem.isUncertain ? " Press the button again: you will get only one." : ""}`);
    }
    setBusy(false);
  };
  return (
    <form className="card stack" aria-labelledby="new-standing" onSubmit={(event) => void take(event)} noValidate>
      <h2 id="new-standing">New standing order</h2>
      <Field label="Customer">
        {(wiring) => <input {...wiring} className="input" dir="auto" autoComplete="off" value={draft.name} onChange={(event) => { change({ name: event.target.value }); }} />}
      </Field>
      <Field label="Phone (optional)" hint="Only staff see it, with each of its orders.">
        {(wiring) => <input {...wiring} className="input" type="tel" autoComplete="off" value={draft.phone} onChange={(event) => { change({ phone: event.target.value }); }} />}
      </Field>
      {draft.lines.map((line, i) => (
        <fieldset key={i} className="standing-line">
          <legend className="visually-hidden">Cupcakes {i + 1}</legend>
          <Field label="Flavour">
            {(wiring) => (
              <select {...wiring} className="input" value={line.flavour} onChange={(event) => { changeLine(i, { flavour: event.target.value }); }}>
                {menu.flavours.map(({ code, name }) => <option key={code} value={code}>{name}</option>)}
              </select>
            )}
          </Field>
          <Field label="Size">
            {(wiring) => (
              <select {...wiring} className="input" value={line.size} onChange={(event) => { changeLine(i, { size: event.target.value as typeof line.size }); }}>
                {menu.sizes.map(({ code, label }) => <option key={code} value={code}>{label}</option>)}
              </select>
            )}
          </Field>
          <CountField label="Cupcakes" value={line.quantity} least={1} most={menu.limits.quantity} onChange={(quantity) => { changeLine(i, { quantity }); }} />
          {draft.lines.length > 1 && <Button look="bare" aria-label={`Remove cupcakes ${i + 1}`} onClick={() => { change({ lines: draft.lines.filter((_, at) => at !== i) }); }}>Remove</Button>}
        </fieldset>
      ))}
      {draft.lines.length < menu.limits.lines && <div className="row"><Button look="bare" onClick={() => { change({ lines: [...draft.lines, newLine(menu)] }); }}>Add another flavour or size</Button></div>}
      <fieldset>
        <legend className="field-legend">Every</legend>
        <div className="choices">
          {weekdays.map((day) => (
            <label key={day} className="choice">
              <input type="checkbox" checked={draft.days.includes(day)} onChange={() => { change({ days: draft.days.includes(day) ? draft.days.filter((each) => each !== day) : [...draft.days, day] }); }} />
              <span>{nameOf(day)}</span>
            </label>
          ))}
        </div>
      </fieldset>
      <div className="row">
        <Field label="Pickup at" hint="The beginning of a pickup slot.">
          {(wiring) => <input {...wiring} className="input" type="time" value={draft.at} onChange={(event) => { change({ at: event.target.value }); }} />}
        </Field>
        <Field label="Until" hint="Optional: the last day.">
          {(wiring) => <input {...wiring} className="input" type="date" value={draft.until} onChange={(event) => { change({ until: event.target.value }); }} />}
        </Field>
      </div>
      {error && <Notice look="bad" urgent>{error}</Notice>}
      {taken && <Notice look="good">Taken. The first order is for {dayText(taken.from)}.</Notice>}
      <Button look="primary" type="submit" off={busy}>{busy ? "Taking it …" : "Take the standing order"}</Button>
    </form>
  );
}

function newLine(menu: Menu) {
  return { flavour: menu.flavours[0]?.code ?? "", size: (menu.sizes.find(({ code }) => code === "M") ?? menu.sizes[0])?.code ?? "M", quantity: 12 };
}

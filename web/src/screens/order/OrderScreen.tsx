import { useQuery, useQueryClient } from "@tanstack/react-query";
import { Link, useNavigate } from "@tanstack/react-router";
import { useEffect, useId, useMemo, useRef, useState, type SyntheticEvent } from "react";
import { api } from "../../api/client";
import { menuQuery } from "../../api/queries";
import type { Line, Menu, Order, OrderStatus } from "../../api/schema.gen";
import { Failure, Loading, Notice } from "../../design/feedback";
import { Layout } from "../../design/Layout";
import { stages, stageWords } from "../../design/stages";
import { useLive } from "../../live/hooks";
import { moneyText, totalOf } from "../../prices";
import { againText, orderAgain } from "../home/again";
import { rememberOrder } from "../home/known";
import { YourOrders } from "../home/YourOrders";
import { Allergies } from "./Allergies";
import { Basket } from "./Basket";
import { Builder } from "./Builder";
import { Customer } from "./Customer";
import { addLine, check, emptyDraft, faultsAfter, faultsOf, forgetDraft, hasFaults, keepDraft, loadDraft, noFaults, readyToSend, warningOf, type Draft, type Faults } from "./draft";
import { OrderBar } from "./OrderBar";
import { place, priceChange } from "./placing";
import { menuFor } from "./soldOut";
import { continueTo, nextStep } from "./steps";
import { When } from "./When";
import "./order.css";

/** "Mixed, baked, decorated and packaged". */
const made = new Intl.ListFormat("en-GB").format(stages.map((stage) => stageWords[stage].did)).replace(/^./, (first) => first.toUpperCase());

export function OrderScreen() {
  const menu = useQuery(menuQuery);
  const live = useLive("menu").menu;
  const today = menu.data && live ? { ...menu.data, soldOut: live.soldOut } : menu.data;
  /** Each time that the basket is filled from an order the draft is read again. */
  const [filled, setFilled] = useState(0);
  const again = (order: OrderStatus) => {
    if (!today) return;
    keepDraft(orderAgain(loadDraft(), order, today));
    setFilled(filled + 1);
  };
  return (
    <Layout title="Order" tools={<Link to="/sign-in" className="button button-bare">Staff</Link>}>
      <header className="page-head">
        <div>
          <h1>Cupcakes, made for you</h1>
          <p className="lead">{made} to order. Follow your order live through the kitchen.</p>
        </div>
      </header>
      <YourOrders onAgain={today && again} />
      {today ? <Ordering key={filled} menu={today} /> : menu.error ? <Failure error={menu.error} retry={() => void menu.refetch()} /> : <Loading what="the menu" />}
    </Layout>
  );
}

function Ordering({ menu: today }: { readonly menu: Menu }) {
  const navigate = useNavigate();
  const queries = useQueryClient();
  const [draft, setDraft] = useState(loadDraft);
  const [faults, setFaults] = useState<Faults>(noFaults);
  const [errorText, setErrorText] = useState<string | null>(null);
  /** Slots with room, when the chosen one has none any more. */
  const [free, setFree] = useState<readonly string[]>([]);
  const [earlier, setEarlier] = useState<string | null>(null);
  const [added, setAdded] = useState("");
  const [busy, setBusy] = useState(false);
  const sending = useRef(false);
  const form = useRef<HTMLFormElement>(null);
  const formId = useId();
  const menu = useMemo(() => menuFor(today, draft), [today, draft]);
  const total = totalOf(menu.prices, draft.lines);
  const change = (part: Partial<Draft>) => {
    // What was left out is told until the basket changes.
    setDraft(({ again, ...all }) => ({ ...all, ...(again && !("lines" in part) && { again }), ...part }));
    setFaults((found) => faultsAfter(part, found, { ...draft, ...part }, menu));
  };
  useEffect(() => { keepDraft(draft); }, [draft]);

  const showFaults = (found: Faults) => {
    setFaults(found);
    // Focuses the first field with a fault, once it is marked.
    requestAnimationFrame(() => form.current?.querySelector<HTMLElement>("[aria-invalid=true], [data-fault]")?.focus());
  };
  const order = async (event: SyntheticEvent) => {
    event.preventDefault();
    if (sending.current) return;
    const found = check(draft, menu);
    setErrorText(null);
    setFree([]);
    setEarlier(null);
    showFaults(found);
    if (hasFaults(found)) return;
    sending.current = true;
    setBusy(true);
    // Stored before it is sent: after a crash or a reload the same order has the same key.
    const ready = readyToSend(draft, menu, total);
    keepDraft(ready);
    setDraft(ready);
    const outcome = await place(ready.sent, (body, key) => api.createOrder(JSON.parse(body) as Order, key));
    // What the customer reads next must be in the basket already. If the menu cannot be read, the next try is refused again.
    if (outcome.kind === "refused" && outcome.problem.is("/problems/price-changed")) await queries.refetchQueries({ queryKey: menuQuery.queryKey });
    sending.current = false;
    setBusy(false);
    const { sent, ...unsent } = ready;
    switch (outcome.kind) {
      case "accepted":
        rememberOrder(outcome.id);
        setDraft(emptyDraft);
        forgetDraft();
        await navigate({ to: "/orders/$id", params: { id: outcome.id } });
        break;
      case "earlier-accepted":
        rememberOrder(outcome.id);
        setDraft(unsent);
        setEarlier(outcome.id);
        break;
      case "unknown":
        setErrorText(`${outcome.problem.message} Press the button again: you will get only one order.`);
        break;
      case "refused": {
        setDraft(outcome.unanswered ? { ...unsent, sent: outcome.unanswered } : unsent);
        if (outcome.problem.is("/problems/price-changed")) {
          setErrorText(priceChange(total, outcome.problem.total));
          break;
        }
        // What was free when it was shown is not any more.
        if (outcome.problem.is("/problems/slot-full", "/problems/closed")) void queries.invalidateQueries({ queryKey: ["slots"] });
        setFree(outcome.problem.free);
        const { faults: fieldFaults, rest } = faultsOf(outcome.problem.errors);
        // Something in the basket is known to contain more than when the menu was read.
        if (fieldFaults.confirmed) await queries.refetchQueries({ queryKey: menuQuery.queryKey });
        showFaults(fieldFaults);
        if (!hasFaults(fieldFaults) || rest.length > 0) setErrorText([outcome.problem.message, ...rest].join(" "));
      }
    }
  };
  const pieces = draft.lines.reduce((sum, line) => sum + line.quantity, 0);
  const add = (line: Line) => {
    change({ lines: addLine(draft.lines, line, menu.limits) });
    setAdded(`${line.quantity} × ${menu.flavours.find((each) => each.code === line.flavour)?.name ?? line.flavour} ${line.size} added.`);
  };
  const goOn = () => {
    const [basket, details] = [document.getElementById("basket"), form.current?.querySelector<HTMLElement>("[autocomplete=name]")];
    if (!basket || !details) return;
    const to = continueTo({ basket: basket.getBoundingClientRect().top, details: details.getBoundingClientRect().top, height: innerHeight });
    if (to === null) showFaults(check(draft, menu));
    else (to === "basket" ? basket : details).focus();
  };
  return (
    <>
      {draft.again && <Notice look={draft.again.left.length > 0 ? "warn" : "good"} className="ordering-again">{againText(draft.again)}</Notice>}
      <div className="ordering">
        <Builder menu={menu} onAdd={add} isFull={draft.lines.length >= menu.limits.lines} warningOf={(flavour) => warningOf(flavour, draft, menu)} />
        <form ref={form} id={formId} className="ordering-side" onSubmit={(event) => void order(event)} noValidate>
          <Basket menu={menu} lines={draft.lines} fault={faults.basket} faults={faults.lines} onChange={(lines) => { change({ lines }); setAdded(""); }} />
          <When draft={draft} pieces={pieces} fault={faults.when} free={free} onChange={(part) => { change(part); setFree([]); }} />
          <Customer menu={menu} draft={draft} faults={faults} onChange={change} />
          <Allergies draft={draft} menu={menu} fault={faults.confirmed} onChange={change} />
          {earlier && (
            <Notice look="warn" urgent>
              <strong>Your first attempt was accepted after all.</strong> <Link to="/orders/$id" params={{ id: earlier }}>See that order</Link>; you can change or cancel it there. What is in the basket now has not been ordered; press the button again if you want it too.
            </Notice>
          )}
          {errorText && <Notice look="bad" urgent>{errorText}</Notice>}
        </form>
      </div>
      <OrderBar
        pieces={pieces}
        cost={total && moneyText(total, total.amount)}
        added={added}
        step={nextStep(draft)}
        busy={busy}
        form={formId}
        onChoose={() => { document.getElementById("flavours")?.focus(); }}
        onContinue={goOn}
      />
    </>
  );
}

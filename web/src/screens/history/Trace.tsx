import { useQuery } from "@tanstack/react-query";
import { Link, useNavigate } from "@tanstack/react-router";
import { useState, type ComponentProps, type SyntheticEvent } from "react";
import { historyFile, type Traced } from "../../api/client";
import { menuQuery } from "../../api/queries";
import type { HistoryOrders, HistoryTrace, TracedTicket } from "../../api/schema.gen";
import { Button } from "../../design/Button";
import { Notice } from "../../design/feedback";
import { Field } from "../../design/Field";
import { GoTo } from "../../design/GoTo";
import { stages, stageWords } from "../../design/stages";
import { bakeryDay, bakeryWall, dayAndTime, dayText, dueText, momentOf } from "../../design/time";
import { useLiveConnection } from "../../live/hooks";
import { stateText } from "../../states";
import { countText } from "../../text";
import { useFlavourNames } from "../useFlavourNames";
import { Block } from "./Block";
import { Table } from "./charts";
import { codeQuery, traceQuery } from "./queries";
import { hrefOf, searchOf, type Search } from "./search";

/** Which orders a batch went into: whom to call, and what to keep at the counter. */
export function Trace({ search }: { readonly search: Search }) {
  const traced = tracedBy(search);
  return (
    <>
      <div className="trace-forms">
        <BatchForm key={hrefOf(search)} search={search} />
        <LookUp
          key={`ticket ${search.ticket ?? ""}`} title="A tray" label="Ticket" hint="Its order’s id, stage and pass, joined by dots. Lists and explanations of late orders lead here too." action="Who was on this tray?"
          value={search.ticket ?? ""} searchFor={(ticket) => searchOf({ tab: "trace", ticket })} input={{ maxLength: 100 }}
        />
        <LookUp
          key={`code ${search.code ?? ""}`} title="An order" label="Pickup code" hint="Four letters and digits. The ledger has orders of long ago too." action="Find"
          value={search.code ?? ""} searchFor={(code) => searchOf({ tab: "trace", code })} input={{ maxLength: 4, pattern: "[0-9A-Za-z]{4}", title: "Four letters and digits", autoCapitalize: "characters" }}
        />
      </div>
      {search.code ? <OfCode code={search.code} /> : traced ? <Found traced={traced} search={search} /> : <p className="soft">Say at which stage and when, and this lists every order that the batch went into, with whom to call.</p>}
    </>
  );
}

/** What is asked of the ledger; undefined while something is missing. */
function tracedBy({ ticket, stage, from, to, flavour, worker }: Search): Traced | undefined {
  if (ticket) return { ticket };
  if (!stage || !from || !to || momentOf(to) < momentOf(from)) return undefined;
  const iso = (wall: string) => new Date(momentOf(wall)).toISOString();
  return { stage, from: iso(from), to: iso(to), ...(flavour && { flavour }), ...(worker && { worker }) };
}

function BatchForm({ search }: { readonly search: Search }) {
  const navigate = useNavigate();
  const { clock } = useLiveConnection();
  const { data: menu } = useQuery(menuQuery);
  const [draft, setDraft] = useState(() => ({
    stage: search.stage ?? stages[0],
    from: search.from ?? bakeryWall(clock.now() - 3_600_000),
    to: search.to ?? bakeryWall(clock.now()),
    flavour: search.flavour ?? "",
    worker: search.worker ?? "",
  }));
  const change = (part: Partial<typeof draft>) => { setDraft({ ...draft, ...part }); };
  const isBackwards = momentOf(draft.to) < momentOf(draft.from);
  const submit = (event: SyntheticEvent) => {
    event.preventDefault();
    if (!isBackwards) void navigate({ to: "/history", search: searchOf({ tab: "trace", ...draft }) });
  };
  // One that is not on the menu any more may still have been baked.
  const flavours = [...(menu?.flavours ?? []), ...(draft.flavour && !menu?.flavours.some(({ code }) => code === draft.flavour) ? [{ code: draft.flavour, name: draft.flavour }] : [])];
  return (
    <form className="card trace-form" aria-label="A batch" onSubmit={submit}>
      <h2>A batch</h2>
      <Field label="Stage">
        {(wiring) => <select {...wiring} className="input" value={draft.stage} onChange={(event) => { change({ stage: stages.find((stage) => stage === event.target.value) ?? stages[0] }); }}>{stages.map((stage) => <option key={stage} value={stage}>{stageWords[stage].name}</option>)}</select>}
      </Field>
      <Field label="Flavour">
        {(wiring) => <select {...wiring} className="input" value={draft.flavour} onChange={(event) => { change({ flavour: event.target.value }); }}><option value="">Any</option>{flavours.map(({ code, name }) => <option key={code} value={code}>{name}</option>)}</select>}
      </Field>
      <Field label="Ended from">{(wiring) => <input {...wiring} className="input" type="datetime-local" required value={draft.from} onChange={(event) => { change({ from: event.target.value }); }} />}</Field>
      <Field label="Ended until" error={isBackwards ? "This is before the beginning." : undefined}>{(wiring) => <input {...wiring} className="input" type="datetime-local" required value={draft.to} onChange={(event) => { change({ to: event.target.value }); }} />}</Field>
      <Field label="By (anybody if empty)">{(wiring) => <input {...wiring} className="input" maxLength={80} autoComplete="off" spellCheck={false} value={draft.worker} onChange={(event) => { change({ worker: event.target.value }); }} />}</Field>
      <Button type="submit" look="primary">Trace</Button>
    </form>
  );
}

interface LookUpProps {
  readonly title: string;
  readonly label: string;
  readonly hint: string;
  readonly action: string;
  /** What was looked up last. */
  readonly value: string;
  readonly searchFor: (typed: string) => Search;
  readonly input: Pick<ComponentProps<"input">, "autoCapitalize" | "maxLength" | "pattern" | "title">;
}

/** A form with one field, which leads to what is typed. */
function LookUp({ title, label, hint, action, value, searchFor, input }: LookUpProps) {
  const navigate = useNavigate();
  const [typed, setTyped] = useState(value);
  const submit = (event: SyntheticEvent) => {
    event.preventDefault();
    void navigate({ to: "/history", search: searchFor(typed) });
  };
  return (
    <form className="card trace-form" aria-label={title} onSubmit={submit}>
      <h2>{title}</h2>
      <Field label={label} hint={hint}>{(wiring) => <input {...wiring} {...input} className="input" required autoComplete="off" spellCheck={false} value={typed} onChange={(event) => { setTyped(event.target.value); }} />}</Field>
      <Button type="submit">{action}</Button>
    </form>
  );
}

/** The orders that had a code: it comes back after a while. */
function OfCode({ code }: { readonly code: string }) {
  const asked = useQuery(codeQuery(code));
  return <div className="history-grid"><Block wide title={`Orders with the code ${code}`} asked={asked} file={historyFile("orders", { pickupCode: code })}>{({ orders }) => <Remembered orders={orders} />}</Block></div>;
}

function Remembered({ orders }: { readonly orders: HistoryOrders["orders"] }) {
  if (orders.length === 0) return <p className="soft">The ledger knows no order with this code. What was erased cannot be found by it.</p>;
  const at = (time: string | undefined) => (time ? dayAndTime(time) : "–");
  return (
    <Table
      name="Orders with this code"
      head={["Order", "State", "Pieces", "Placed", "Due", "Ready", "Day"]}
      rows={orders.map(({ orderId, pickupCode, state, pieces, placedAt, dueAt, readyAt, withdrawnAt }) => {
        const day = dueAt ?? placedAt;
        const isLate = dueAt !== undefined && readyAt !== undefined && Date.parse(readyAt) > Date.parse(dueAt);
        return {
          key: orderId,
          head: <Code ticket={{ orderId, pickupCode }} />,
          cells: [
            withdrawnAt ? "Withdrawn" : stateText({ state }), pieces, at(placedAt), at(dueAt), at(readyAt),
            day ? <GoTo key="day" href={hrefOf({ day: bakeryDay(day), ...(isLate && { late: pickupCode }) })}>{isLate ? "Why it was late" : dayText(bakeryDay(day))}</GoTo> : "–",
          ],
        };
      })}
    />
  );
}

function Found({ traced, search }: { readonly traced: Traced; readonly search: Search }) {
  const asked = useQuery(traceQuery(traced));
  const title = "ticket" in traced ? "On the same tray" : `${stageWords[traced.stage].name}, ${dueText(traced.from)} to ${dueText(traced.to)}`;
  return <div className="history-grid"><Block wide title={title} asked={asked} file={historyFile("trace", { ...traced })} tools={<Button className="screen-only" onClick={() => { print(); }}>Print</Button>}>{(data) => <Tickets trace={data} search={search} />}</Block></div>;
}

function Tickets({ trace: { tickets, more }, search }: { readonly trace: HistoryTrace; readonly search: Search }) {
  const nameOf = useFlavourNames();
  if (tickets.length === 0) return <p className="soft">{search.ticket ? "The ledger knows no such ticket, or it has not ended." : "No ticket ended there in that time."}</p>;
  const orders = new Set(tickets.map(({ orderId, pickupCode }) => orderId ?? pickupCode)).size;
  const out = tickets.filter(({ collectedAt }) => collectedAt).length;
  return (
    <>
      {more && <Notice look="warn">There are more than these: ask for less time.</Notice>}
      <p role="status"><b>{countText(tickets.length, "ticket")}</b> of {countText(orders, "order")}, {countText(tickets.reduce((sum, { pieces }) => sum + pieces, 0), "piece")}. {out === 0 ? "None was handed out." : `${out} ${out === 1 ? "was" : "were"} handed out.`}</p>
      <Table
        name="Tickets of the batch"
        head={["Order", "Customer", "Flavours", "Pieces", "Ended", "By", "State", "Collected", "Tray"]}
        rows={tickets.map((ticket) => ({
          key: `${ticket.orderId ?? ticket.pickupCode} ${ticket.stage} ${ticket.pass} ${ticket.endedAt}`,
          head: <Code ticket={ticket} />,
          cells: [
            ticket.customer ? <span key="customer" className="trace-name" dir="auto" translate="no">{ticket.customer}</span> : <span key="customer" className="soft">{ticket.orderId ? "–" : "erased"}</span>,
            ticket.flavours.map(nameOf).join(", "),
            ticket.pieces,
            dayAndTime(ticket.endedAt),
            ticket.worker ? <span key="by" dir="auto" translate="no">{ticket.worker}</span> : "–",
            stateText({ state: ticket.state, pickup: ticket.collectedAt ? "collected" : "ready" }),
            ticket.collectedAt ? dayAndTime(ticket.collectedAt) : "–",
            ticket.orderId && !search.ticket ? <GoTo key="tray" href={hrefOf({ tab: "trace", ticket: `${ticket.orderId}.${ticket.stage}.${ticket.pass}` })} aria-label={`Who was on the tray with ${ticket.pickupCode}`}>Same tray</GoTo> : "–",
          ],
        }))}
      />
    </>
  );
}

/** The way to an order. One whose customer's data is erased cannot be found any more. */
function Code({ ticket: { orderId, pickupCode } }: { readonly ticket: Pick<TracedTicket, "orderId" | "pickupCode"> }) {
  return <span className="code" translate="no">{orderId ? <Link to="/find/$id" params={{ id: orderId }}>{pickupCode}</Link> : pickupCode}</span>;
}

import { infiniteQueryOptions, useInfiniteQuery, useQueryClient } from "@tanstack/react-query";
import { getRouteApi, Link } from "@tanstack/react-router";
import { useState, type SyntheticEvent } from "react";
import { api } from "../../api/client";
import type { OrderSummary } from "../../api/schema.gen";
import { Button } from "../../design/Button";
import { Failure, Loading } from "../../design/feedback";
import { Field } from "../../design/Field";
import { useRest } from "../../design/focus";
import { stageWords } from "../../design/stages";
import { useLive } from "../../live/hooks";
import { moneyText } from "../../prices";
import { stateText, stateWords } from "../../states";
import { countText } from "../../text";
import { StaffLayout } from "../StaffLayout";
import { filtersOf, states, type Filters } from "./filters";
import { whenText } from "./when";
import "./find.css";

const route = getRouteApi("/find");

const foundQuery = (filters: Filters) => infiniteQueryOptions({
  queryKey: ["found", filters],
  queryFn: ({ pageParam, signal }) => api.orders({ ...filters, ...(pageParam && { pageToken: pageParam }) }, signal),
  initialPageParam: "",
  getNextPageParam: (page) => page.nextPageToken,
  staleTime: 0,
});

/** Finds orders by a name, a code or the end of a phone number. The address has the search, so other pages can link to one. */
export function FindScreen() {
  const { session } = route.useRouteContext();
  const filters = route.useSearch();
  const { problem } = useLive("kitchen"); // says whether the page is up to date, and whether somebody is still signed in
  return (
    <StaffLayout title="Find an order" session={session} problem={problem}>
      <div className="stack find">
        <div className="page-head">
          <h1>Find an order</h1>
          <Link to="/sheet" search={{ day: filters.day ?? "today" }} className="button button-quiet">Day&rsquo;s sheet</Link>
        </div>
        <Search filters={filters} />
        <Found filters={filters} />
      </div>
    </StaffLayout>
  );
}

function Search({ filters }: { readonly filters: Filters }) {
  const navigate = route.useNavigate();
  const queryClient = useQueryClient();
  // What is typed counts until the address has another text.
  const [typed, setTyped] = useState({ over: filters.q, text: filters.q ?? "" });
  const q = typed.over === filters.q ? typed.text : filters.q ?? "";
  const show = (changed: Readonly<Record<keyof Filters, string | undefined>>) => void navigate({ search: filtersOf(changed) });
  const now = { q, state: filters.state, day: filters.day };
  const submit = (event: SyntheticEvent) => {
    event.preventDefault();
    show(now);
    void queryClient.invalidateQueries({ queryKey: ["found"] }); // also if it is the same search again
  };
  return (
    <form className="card find-form" role="search" onSubmit={submit}>
      <Field label="Name, code or end of phone">
        {(wiring) => <input {...wiring} className="input" type="search" enterKeyHint="search" autoComplete="off" spellCheck={false} value={q} onChange={(event) => { setTyped({ over: filters.q, text: event.target.value }); }} />}
      </Field>
      <Field label="State">
        {(wiring) => (
          <select {...wiring} className="input" value={filters.state ?? ""} onChange={(event) => { show({ ...now, state: event.target.value }); }}>
            <option value="">Any</option>
            {states.map((state) => <option key={state} value={state}>{stateWords[state]}</option>)}
          </select>
        )}
      </Field>
      <Field label="Day">
        {(wiring) => <input {...wiring} className="input" type="date" value={filters.day === "today" ? "" : filters.day ?? ""} onChange={(event) => { show({ ...now, day: event.target.value }); }} />}
      </Field>
      <div className="row">
        <Button type="submit" look="primary">Find</Button>
        <Button aria-pressed={filters.day === "today"} onClick={() => { show({ ...now, day: filters.day === "today" ? undefined : "today" }); }}>Today</Button>
      </div>
    </form>
  );
}

function Found({ filters }: { readonly filters: Filters }) {
  const { data, error, refetch, fetchNextPage, hasNextPage, isFetchingNextPage } = useInfiniteQuery(foundQuery(filters));
  // While pages are fetched orders move from one to the next.
  const orders = [...new Map(data?.pages.flatMap((page) => page.orders).map((order) => [order.id, order])).values()];
  const [list, pressMore] = useRest<HTMLUListElement>(orders.length, hasNextPage);
  if (!data) return error ? <Failure error={error} retry={() => void refetch()} /> : <Loading what="orders" />;
  return (
    <>
      {error && <Failure error={error} retry={() => void refetch()} />}
      <p role="status" className="soft">{orders.length > 0 ? `${countText(orders.length, "order")}${hasNextPage ? ", and maybe more" : ""}` : hasNextPage ? "None among the newest orders." : "No order matches."}</p>
      <ul ref={list} className="found-list" aria-label="Orders">{orders.map((order) => <FoundCard key={order.id} order={order} />)}</ul>
      {hasNextPage && <Button off={isFetchingNextPage} onClick={() => { pressMore(); void fetchNextPage(); }}>{isFetchingNextPage ? "Looking …" : "Look further"}</Button>}
    </>
  );
}

function FoundCard({ order: { id, pickupCode, customer, phone, state, pickup, stage, inHand, pieces, placedAt, dueAt, total } }: { readonly order: OrderSummary }) {
  return (
    <li>
      <Link to="/find/$id" params={{ id }} className="card found-card">
        <b className="code" translate="no">{pickupCode}</b>
        <b className="one-line" dir="auto" translate="no">{customer.name}</b>
        <span className={`badge${state === "needs-attention" ? " badge-bad" : state === "shipped" ? " badge-good" : ""}`}>{stage ? stageWords[stage].name : stateText({ state, pickup })}</span>
        <span className="soft small">{whenText({ dueAt, placedAt })}{inHand && <>, with <span translate="no">{inHand.by}</span></>}</span>
        <span className="small numbers">{pieces !== undefined && countText(pieces, "piece")}{total && `, ${moneyText(total, total.amount)}`}</span>
        {phone && <span className="soft small numbers" translate="no">{phone}</span>}
      </Link>
    </li>
  );
}

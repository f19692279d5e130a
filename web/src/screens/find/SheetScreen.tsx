import { queryOptions, useQuery } from "@tanstack/react-query";
import { getRouteApi } from "@tanstack/react-router";
import { api } from "../../api/client";
import { menuQuery } from "../../api/queries";
import type { OrderSummary } from "../../api/schema.gen";
import { Button } from "../../design/Button";
import { Failure, Loading, Notice } from "../../design/feedback";
import { Field } from "../../design/Field";
import { dayText, timeOfDay, weekdayOf } from "../../design/time";
import { useLive, useTime } from "../../live/hooks";
import { moneyText } from "../../prices";
import { stateText } from "../../states";
import { countText } from "../../text";
import { StaffLayout } from "../StaffLayout";
import { useFlavourNames } from "../useFlavourNames";
import { pickupsOf, takings, totalsOf } from "./sheet";
import "./find.css";

const route = getRouteApi("/sheet");

/** A sheet has as many pages of a list as this at most: more than a bakery hands out in a day. */
const mostPages = 30;

const sheetQuery = (day: string) => queryOptions({
  queryKey: ["sheet", day],
  queryFn: async ({ signal }) => {
    const found = new Map<string, OrderSummary>();
    let pageToken: string | undefined = "";
    for (let page = 0; pageToken !== undefined && page < mostPages; page++) {
      const answer = await api.orders({ day, limit: 200, ...(pageToken && { pageToken }) }, signal);
      for (const order of answer.orders) found.set(order.id, order);
      pageToken = answer.nextPageToken;
    }
    return { orders: pickupsOf([...found.values()]), isWhole: pageToken === undefined };
  },
  staleTime: 0,
});

/** All of a day's pickups on paper. */
export function SheetScreen() {
  const { session } = route.useRouteContext();
  const { day } = route.useSearch();
  const navigate = route.useNavigate();
  const { problem } = useLive("kitchen"); // says whether the page is up to date, and whether somebody is still signed in
  const { data, error, refetch } = useQuery(sheetQuery(day));
  const today = useTime((now) => weekdayOf(now));
  return (
    <StaffLayout title="Day’s sheet" session={session} problem={problem}>
      <div className="sheet stack">
        <div className="page-head">
          <h1>Pickups {day === "today" ? `today, ${today}` : `on ${dayText(day)}`}</h1>
          <div className="row screen-only">
            <Field label="Day">
              {(wiring) => <input {...wiring} className="input" type="date" value={day === "today" ? "" : day} onChange={(event) => void navigate({ search: { day: event.target.value || "today" } })} />}
            </Field>
            <Button look="primary" onClick={() => { print(); }}>Print</Button>
          </div>
        </div>
        {data ? <Sheet {...data} /> : error ? <Failure error={error} retry={() => void refetch()} /> : <Loading what="the day" />}
      </div>
    </StaffLayout>
  );
}

function Sheet({ orders, isWhole }: { readonly orders: readonly OrderSummary[]; readonly isWhole: boolean }) {
  const { data: menu } = useQuery(menuQuery);
  const nameOf = useFlavourNames();
  if (orders.length === 0) return <p>There are no pickups on this day.</p>;
  const totals = totalsOf(orders);
  const sizes = menu?.sizes.map(({ code }) => code) ?? [];
  return (
    <>
      {!isWhole && <Notice look="warn">There are more orders than a sheet shows.</Notice>}
      {/* Tables wider than a phone scroll, by keyboard too. */}
      {/* eslint-disable-next-line jsx-a11y/no-noninteractive-tabindex */}
      <div className="table-scroll" tabIndex={0} role="region" aria-label="Pickups">
        <table className="sheet-table">
          <thead><tr><th scope="col">Time</th><th scope="col">Code</th><th scope="col">Name</th><th scope="col">Contents</th><th scope="col">State</th><th scope="col">To pay</th></tr></thead>
          <tbody>
            {orders.map((order) => (
              <tr key={order.id}>
                <td className="numbers">{order.dueAt ? timeOfDay(order.dueAt) : `asap, ${timeOfDay(order.placedAt)}`}</td>
                <th scope="row" className="code" translate="no">{order.pickupCode}</th>
                <td dir="auto" translate="no">{order.customer.name}</td>
                <td>
                  {(order.lines ?? []).map(({ flavour, size, quantity, message }, i) => <div key={i}>{quantity} × {nameOf(flavour)} {size}{message && <> <q dir="auto">{message}</q></>}</div>)}
                  {order.allergies && order.allergies.length > 0 && <b>Allergy: {order.allergies.join(", ")}</b>}
                </td>
                <td>{stateText(order)}</td>
                <td className="numbers">{order.total && moneyText(order.total, order.total.amount)}</td>
              </tr>
            ))}
          </tbody>
        </table>
      </div>
      <h2>By flavour</h2>
      {/* eslint-disable-next-line jsx-a11y/no-noninteractive-tabindex */}
      <div className="table-scroll" tabIndex={0} role="region" aria-label="Pieces by flavour">
        <table className="sheet-totals">
          <thead><tr><th scope="col">Flavour</th>{sizes.map((size) => <th key={size} scope="col">{size}</th>)}<th scope="col">All</th></tr></thead>
          <tbody>{totals.map(({ flavour, sizes: of, pieces }) => <tr key={flavour}><th scope="row">{nameOf(flavour)}</th>{sizes.map((size) => <td key={size} className="numbers">{of[size] ?? ""}</td>)}<td className="numbers"><b>{pieces}</b></td></tr>)}</tbody>
        </table>
      </div>
      <p><b>{countText(orders.length, "order")}, {countText(totals.reduce((sum, { pieces }) => sum + pieces, 0), "piece")}</b>{takings(orders).map((money) => `, ${moneyText(money, money.amount)}`)}</p>
    </>
  );
}

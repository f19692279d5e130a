import { useQuery } from "@tanstack/react-query";
import { getRouteApi } from "@tanstack/react-router";
import { menuQuery } from "../../api/queries";
import { Empty, Failure, Loading } from "../../design/feedback";
import { GoTo } from "../../design/GoTo";
import { bakeryDay } from "../../design/time";
import { useLive, useTime } from "../../live/hooks";
import { StaffLayout } from "../StaffLayout";
import { Ahead } from "./Ahead";
import { Day } from "./Day";
import { hrefOf, type Search, type Tab } from "./search";
import { Trace } from "./Trace";
import { Trends } from "./Trends";
import "./history.css";

const route = getRouteApi("/history");

const tabs: readonly { readonly tab: Tab; readonly name: string; readonly search: Search }[] = [
  { tab: "day", name: "A day", search: {} },
  { tab: "trends", name: "Trends", search: { tab: "trends" } },
  { tab: "ahead", name: "Now and ahead", search: { tab: "ahead" } },
  { tab: "trace", name: "Trace", search: { tab: "trace" } },
];

/** What the ledger remembers. The address has all that is chosen, so every view can be linked to. */
export function HistoryScreen() {
  const { session } = route.useRouteContext();
  const search = route.useSearch();
  const { problem } = useLive("kitchen"); // says whether the page is up to date, and whether somebody is still signed in
  const shown = search.tab ?? "day";
  return (
    <StaffLayout title="History" session={session} problem={problem}>
      <div className="stack history">
        <h1>History</h1>
        {session.hasHistory ? (
          <>
            <nav className="history-tabs" aria-label="History">
              {tabs.map(({ tab, name, search: to }) => <GoTo key={tab} href={hrefOf(to)} className="history-tab" aria-current={tab === shown ? "true" : undefined}>{name}</GoTo>)}
            </nav>
            <View search={search} />
          </>
        ) : (
          <Empty title="This bakery has no ledger">
            <p>The ledger remembers what the log no longer has: days, waste, lateness, batches.</p>
            <p>In a demonstration it comes with <code>make demo ARGS=--ledger</code>. Elsewhere run <code>cupcakery ledger</code>, and tell the API where it is with <code>--ledger-database</code>.</p>
          </Empty>
        )}
      </div>
    </StaffLayout>
  );
}

function View({ search }: { readonly search: Search }) {
  // The bakery's day is known only with its time zone, which the menu tells.
  const menu = useQuery(menuQuery);
  const today = useTime((now) => bakeryDay(now));
  if (!menu.data) return menu.error ? <Failure error={menu.error} retry={() => void menu.refetch()} /> : <Loading what="the bakery’s calendar" />;
  switch (search.tab ?? "day") {
    case "day": return <Day day={search.day ?? today} today={today} late={search.late} />;
    case "trends": return <Trends span={search.range ?? 28} today={today} search={search} />;
    case "ahead": return <Ahead day={search.day} today={today} />;
    case "trace": return <Trace search={search} />;
  }
}

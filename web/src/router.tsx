import type { QueryClient } from "@tanstack/react-query";
import { createRootRouteWithContext, createRoute, createRouter, lazyRouteComponent, redirect } from "@tanstack/react-router";
import { sessionQuery } from "./api/queries";
import type { Role, Session } from "./api/schema.gen";
import type { Live } from "./live/connection";
import { searchAsText } from "./search";
import { homeOf, rolesAt } from "./staff";
import { filtersOf } from "./screens/find/filters";
import { searchOf } from "./screens/history/search";
import { addressOf, isOwnAddress } from "./screens/signin/way";
import { BakeryTimes } from "./design/BakeryTimes";
import { CrashPage, NotFoundPage, WaitingPage } from "./screens/other/OtherPages";

/** What routes need to decide who may see a page. */
interface Context {
  readonly queryClient: QueryClient;
  readonly live: Live;
}

const root = createRootRouteWithContext<Context>()({ component: BakeryTimes, notFoundComponent: NotFoundPage });

const order = createRoute({
  getParentRoute: () => root,
  path: "/",
  component: lazyRouteComponent(() => import("./screens/order/OrderScreen"), "OrderScreen"),
});

const tracking = createRoute({
  getParentRoute: () => root,
  path: "/orders/$id",
  component: lazyRouteComponent(() => import("./screens/tracking/TrackingScreen"), "TrackingScreen"),
});

const signIn = createRoute({
  getParentRoute: () => root,
  path: "/sign-in",
  // Where to go afterwards: only to one of these pages.
  validateSearch: (search: Record<string, unknown>): { to?: string } => (isOwnAddress(search["to"]) ? { to: search["to"] } : {}),
  component: lazyRouteComponent(() => import("./screens/signin/SignInScreen"), "SignInScreen"),
});

/** Shows a page only to staff with one of the roles. The server checks each request; this only spares people an empty page. */
function staffOnly(roles: readonly Role[] | undefined) {
  return async ({ context, location }: { context: Context; location: { pathname: string; searchStr: string } }): Promise<{ session: Session }> => {
    const session = await context.queryClient.query({ ...sessionQuery, staleTime: "static" });
    if (!session) throw redirect({ to: "/sign-in", search: { to: addressOf({ pathname: location.pathname, search: location.searchStr }) } });
    if (roles && !roles.includes(session.role)) throw redirect(homeOf(session.role));
    return { session };
  };
}

const station = createRoute({
  getParentRoute: () => root,
  path: "/stations/$stage",
  beforeLoad: ({ params, ...rest }) => staffOnly(rolesAt(params.stage))(rest),
  component: lazyRouteComponent(() => import("./screens/station/StationScreen"), "StationScreen"),
});

const dashboard = createRoute({
  getParentRoute: () => root,
  path: "/dashboard",
  beforeLoad: staffOnly(undefined),
  component: lazyRouteComponent(() => import("./screens/dashboard/DashboardScreen"), "DashboardScreen"),
});

const attention = createRoute({
  getParentRoute: () => root,
  path: "/attention",
  beforeLoad: staffOnly(["manager"]),
  component: lazyRouteComponent(() => import("./screens/attention/AttentionScreen"), "AttentionScreen"),
});

const counter = createRoute({
  getParentRoute: () => root,
  path: "/counter",
  beforeLoad: staffOnly(undefined),
  component: lazyRouteComponent(() => import("./screens/counter/CounterScreen"), "CounterScreen"),
});

const standing = createRoute({
  getParentRoute: () => root,
  path: "/standing",
  beforeLoad: staffOnly(undefined),
  component: lazyRouteComponent(() => import("./screens/standing/StandingScreen"), "StandingScreen"),
});

const overview = createRoute({
  getParentRoute: () => root,
  path: "/kitchen",
  component: lazyRouteComponent(() => import("./screens/overview/OverviewScreen"), "OverviewScreen"),
});

const wall = createRoute({
  getParentRoute: () => root,
  path: "/wall",
  component: lazyRouteComponent(() => import("./screens/wall/WallScreen"), "WallScreen"),
});

const find = createRoute({
  getParentRoute: () => root,
  path: "/find",
  validateSearch: filtersOf,
  beforeLoad: staffOnly(undefined),
  component: lazyRouteComponent(() => import("./screens/find/FindScreen"), "FindScreen"),
});

const found = createRoute({
  getParentRoute: () => root,
  path: "/find/$id",
  beforeLoad: staffOnly(undefined),
  component: lazyRouteComponent(() => import("./screens/find/FoundScreen"), "FoundScreen"),
});

const sheet = createRoute({
  getParentRoute: () => root,
  path: "/sheet",
  validateSearch: (search: Record<string, unknown>) => ({ day: filtersOf(search).day ?? "today" }),
  beforeLoad: staffOnly(undefined),
  component: lazyRouteComponent(() => import("./screens/find/SheetScreen"), "SheetScreen"),
});

const history = createRoute({
  getParentRoute: () => root,
  path: "/history",
  validateSearch: searchOf,
  beforeLoad: staffOnly(["manager"]),
  component: lazyRouteComponent(() => import("./screens/history/HistoryScreen"), "HistoryScreen"),
});

/** Where an installed app starts: whoever is signed in goes on to where they work. */
const work = createRoute({
  getParentRoute: () => root,
  path: "/work",
  beforeLoad: async ({ context }) => {
    const session = await context.queryClient.query({ ...sessionQuery, staleTime: "static" });
    throw session ? redirect(homeOf(session.role)) : redirect({ to: "/sign-in" });
  },
});

const tree = root.addChildren([order, tracking, signIn, station, dashboard, attention, counter, standing, overview, wall, find, found, sheet, history, work]);

export function newRouter(context: Context) {
  return createRouter({
    routeTree: tree,
    context,
    defaultErrorComponent: CrashPage,
    defaultPendingComponent: WaitingPage,
    defaultPendingMs: 300,
    defaultPreload: "intent",
    scrollRestoration: true,
    ...searchAsText,
  });
}

declare module "@tanstack/react-router" {
  interface Register {
    router: ReturnType<typeof newRouter>;
  }
}

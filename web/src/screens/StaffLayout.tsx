import { useQuery, useQueryClient } from "@tanstack/react-query";
import { Link, useLocation, useNavigate } from "@tanstack/react-router";
import { useCallback, useEffect, useRef, type ReactNode } from "react";
import { api } from "../api/client";
import { demoStaffQuery, forgetStaff, sessionQuery } from "../api/queries";
import type { Problem } from "../api/problem";
import type { Session } from "../api/schema.gen";
import { Button } from "../design/Button";
import { ConnectionBadge, ConnectionBanner } from "../design/Connection";
import { Layout } from "../design/Layout";
import { More } from "../design/More";
import { useStaffApp } from "../design/screen";
import { useLiveConnection } from "../live/hooks";
import { RushDesk } from "./kitchen/Rush";
import { pagesFor } from "./pages";
import { addressOf } from "./signin/way";

interface Props {
  readonly title: string;
  readonly session: Session;
  /** The problem of the page's live channel; without a session it leads to the sign-in. */
  readonly problem?: Problem | undefined;
  readonly tools?: ReactNode;
  readonly toast?: ReactNode;
  readonly width?: "narrow" | "wide";
  readonly children: ReactNode;
}

/** The frame of all staff pages: where they can go, who is signed in, and whether the page is up to date. */
export function StaffLayout({ title, session, problem, tools, toast, width = "wide", children }: Props) {
  const leave = useLeave();
  useStaffApp();
  const isSignedOut = problem?.is("/problems/not-signed-in") ?? false;
  useEffect(() => {
    if (isSignedOut) void leave(addressOf(location));
  }, [isSignedOut, leave]);
  const demo = useQuery(demoStaffQuery).data ?? [];
  const links = useRef<HTMLDivElement>(null);
  useEffect(() => {
    // They scroll on a phone; where somebody is, they see.
    const [list, current] = [links.current, links.current?.querySelector<HTMLElement>("[aria-current=page]")];
    if (list && current) list.scrollLeft = current.offsetLeft + current.offsetWidth - list.offsetLeft - list.clientWidth;
  }, []);
  const { shown, more } = pagesFor(session, useLocation({ select: ({ pathname }) => pathname }));
  return (
    <Layout
      title={title}
      width={width}
      banner={<ConnectionBanner />}
      toast={toast}
      nav={
        <>
          <div ref={links} className="nav-links">{shown.map((page) => <Link key={page.path} {...page.link}>{page.name}</Link>)}</div>
          <More>{more.map((page) => <li key={page.path}><Link {...page.link}>{page.name}</Link></li>)}</More>
        </>
      }
      tools={
        <>
          <ConnectionBadge />
          {tools}
          {demo.length > 0 && <span className="badge badge-warn" title="Everybody can see the demo staff's PINs">Demo</span>}
          <span className="badge person" title={`${session.name}, ${session.role}`}><span className="one-line" translate="no">{session.name}</span>, {session.role}</span>
          <Button look="bare" onClick={() => { void leave(undefined); }}>Sign out</Button>
        </>
      }
    >
      <RushDesk>{children}</RushDesk>
    </Layout>
  );
}

/** Signs out, and goes to the sign-in. */
function useLeave() {
  const queryClient = useQueryClient();
  const live = useLiveConnection();
  const navigate = useNavigate();
  return useCallback(async (to: string | undefined) => {
    try {
      await api.signOut();
    } catch {
      // The cookie stays until it expires; the page forgets the session anyway.
    }
    live.reset();
    queryClient.setQueryData(sessionQuery.queryKey, null);
    await navigate({ to: "/sign-in", search: to ? { to } : {} });
    forgetStaff(queryClient); // once no page shows it, which would ask for it again
  }, [queryClient, live, navigate]);
}

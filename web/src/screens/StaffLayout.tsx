import { useQuery, useQueryClient } from "@tanstack/react-query";
import { Link, useNavigate } from "@tanstack/react-router";
import { useCallback, useEffect, type ReactNode } from "react";
import { api } from "../api/client";
import { demoStaffQuery, sessionQuery } from "../api/queries";
import type { Problem } from "../api/problem";
import type { Session } from "../api/schema.gen";
import { Button } from "../design/Button";
import { ConnectionBadge, ConnectionBanner } from "../design/Connection";
import { Layout } from "../design/Layout";
import { useStaffApp } from "../design/screen";
import { stageOfRole, stages, stageWords } from "../design/stages";
import { useLiveConnection } from "../live/hooks";
import { RushDesk } from "./kitchen/Rush";

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
    if (isSignedOut) void leave(location.pathname);
  }, [isSignedOut, leave]);
  const demo = useQuery(demoStaffQuery).data ?? [];
  const stage = stageOfRole(session.role);
  return (
    <Layout
      title={title}
      width={width}
      banner={<ConnectionBanner />}
      toast={toast}
      nav={
        <>
          {(stage ? [stage] : stages).map((each) => <Link key={each} to="/stations/$stage" params={{ stage: each }}>{stageWords[each].name}</Link>)}
          <Link to="/kitchen">Overview</Link>
          <Link to="/dashboard">Dashboard</Link>
          {session.role === "manager" && <Link to="/attention">Attention</Link>}
          <Link to="/counter">Counter</Link>
          <Link to="/standing">Standing orders</Link>
          <Link to="/find">Find</Link>
          <Link to="/sheet" search={{ day: "today" }}>Day&rsquo;s sheet</Link>
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
    queryClient.setQueryData(sessionQuery.queryKey, null);
    live.reset();
    await navigate({ to: "/sign-in", search: to ? { to } : {} });
  }, [queryClient, live, navigate]);
}

import { useQuery } from "@tanstack/react-query";
import { useLocation, useNavigate } from "@tanstack/react-router";
import { useEffect, useRef, useState, useSyncExternalStore, type ReactNode } from "react";
import "../../design/fonts.css";
import "../../design/tokens.css";
import "../../design/base.css";
import "../../design/controls.css";
import "../../design/layout.css";
import { api } from "../../api/client";
import { Problem, textOf } from "../../api/problem";
import type { CounterOrder } from "../../api/schema.gen";
import { Button } from "../../design/Button";
import { Loading } from "../../design/feedback";
import { FullScreenButton, useWakeLock } from "../../design/screen";
import { ThemeToggle } from "../../design/ThemeToggle";
import { timeOfDay } from "../../design/time";
import { useLive, useLiveConnection, useLiveStatus, useTime } from "../../live/hooks";
import { chime, soundState, turnSoundOn, watchSound } from "../station/chime";
import { useRoom, type Cell } from "./useRoom";
import { afterDisplay, keyOf, noArrivals, pageFor, pageOf } from "./wall";
import "./wall.css";

/** Waits for a server that is not there yet: the screen may be on before it. */
const retryAfter = 5_000;

/**
 * For customers: what is being made, and what they can collect. It stands in the shop
 * without anybody at it. Its link has a token behind the #, which no browser sends
 * to a server: it is exchanged once, and leaves the address.
 */
export function WallScreen() {
  useEffect(() => { document.title = "Your order · Cupcakery"; }, []);
  useWakeLock();
  const token = useLocation({ select: ({ hash }) => hash });
  const navigate = useNavigate();
  const live = useLiveConnection();
  const { error } = useQuery({
    queryKey: ["wall", token],
    queryFn: async () => {
      await api.openWall(token);
      live.reset(); // the connection may have been made without the cookie
      await navigate({ to: "/wall", hash: "", replace: true });
      return true;
    },
    enabled: token !== "",
    retry: (_, failure) => failure instanceof Problem && failure.isUncertain,
    retryDelay: retryAfter,
    staleTime: 0,
    gcTime: 0,
  });
  if (token === "") return <Orders />;
  return <Frame>{error ? <Closed>{textOf(error)}</Closed> : <Loading what="the orders" />}</Frame>;
}

function Frame({ tools, children }: { readonly tools?: ReactNode; readonly children: ReactNode }) {
  return (
    <div className="wall">
      <header className="wall-head">
        <h1>Your order</h1>
        <OutOfDate />
        <div className="wall-tools">{tools}<FullScreenButton /><ThemeToggle /><Time /></div>
      </header>
      <main className="wall-boards">{children}</main>
    </div>
  );
}

function Closed({ children }: { readonly children: ReactNode }) {
  return <div className="wall-closed" role="alert"><h2>This screen is not switched on</h2><p>{children}</p></div>;
}

function Orders() {
  const { counter, problem } = useLive("counter");
  const [arrivals, setArrivals] = useState(noArrivals);
  if (counter && counter !== arrivals.display) setArrivals(afterDisplay(arrivals, counter));
  useEffect(() => { if (arrivals.count > 0) chime(); }, [arrivals.count]);
  if (problem?.is("/problems/not-signed-in", "/problems/not-allowed", "/problems/no-staff")) {
    return <Frame><Closed>Open it by its link: a manager can copy that on the Counter page.</Closed></Frame>;
  }
  return (
    <Frame tools={<SoundButton />}>
      {counter ? (
        <>
          <Board title="In the making" look="making" orders={counter.preparing} empty="Nothing is in the making." cell={{ width: 3.1, height: 1.6, gap: 0.22 }} from={0} />
          <Board title="Ready to collect" look="ready" orders={counter.ready} empty="As soon as an order is ready, its code appears here." cell={{ width: 3.15, height: 1.85, gap: 0.16 }} from={arrivals.at} />
        </>
      ) : <Loading what="the orders" />}
    </Frame>
  );
}

interface BoardProps {
  readonly title: string;
  readonly look: "making" | "ready";
  readonly orders: readonly CounterOrder[];
  readonly empty: string;
  readonly cell: Cell;
  /** When its first page was last wanted: what has just become ready is on that. */
  readonly from: number;
}

function Board({ title, look, orders, empty, cell, from }: BoardProps) {
  const list = useRef<HTMLUListElement>(null);
  const { columns, rows } = useRoom(list, cell);
  const turns = useTime((now) => Math.floor((now - from) / pageFor));
  const { shown, page, pages } = pageOf(orders, columns * rows, turns);
  return (
    <section className={`wall-board wall-${look}`} aria-label={title}>
      <header>
        <h2>{title}</h2>
        {pages > 1 && <p className="numbers wall-page">Page {page} of {pages}</p>}
      </header>
      {orders.length === 0 && <p className="wall-empty">{empty}</p>}
      <ul ref={list} style={{ gridTemplateColumns: `repeat(${columns}, minmax(0, 1fr))`, gridTemplateRows: `repeat(${rows}, minmax(0, 1fr))`, gap: `${cell.gap}em` }}>
        {shown.map((order) => (
          <li key={keyOf(order)} translate="no">
            <span className="code">{order.pickupCode}</span>
            {order.name && <span className="wall-name one-line" dir="auto">{order.name}</span>}
          </li>
        ))}
      </ul>
      {look === "ready" && <p className="visually-hidden" role="status">{orders.map(({ pickupCode }) => pickupCode).join(", ")}</p>}
    </section>
  );
}

/** Browsers let a page be heard once somebody has touched it. */
function SoundButton() {
  const sound = useSyncExternalStore(watchSound, soundState);
  if (sound === "off") return <Button onClick={turnSoundOn}>Turn on sound</Button>;
  return sound === "mute" ? <span>This device plays no sound</span> : null;
}

function OutOfDate() {
  const status = useLiveStatus();
  const isLong = useTime((now) => status.kind === "behind" && now - status.since > 3000);
  if (status.kind !== "disconnected" && !isLong) return <p role="status" />;
  return <p role="status" className="wall-stale"><strong>Not up to date{status.kind === "live" ? "" : ` since ${timeOfDay(status.since)}`}.</strong> Please ask at the counter.</p>;
}

function Time() {
  const time = useTime((now) => timeOfDay(now));
  return <span className="wall-time numbers">{time}</span>;
}

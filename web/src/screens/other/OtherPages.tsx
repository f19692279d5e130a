import { useCallback, useEffect } from "react";
import { Link, useRouter, type ErrorComponentProps } from "@tanstack/react-router";
import { textOf } from "../../api/problem";
import { Button } from "../../design/Button";
import { Empty, Loading, Notice } from "../../design/feedback";
import { Layout } from "../../design/Layout";

export function NotFoundPage() {
  return (
    <Layout title="Page not found" width="narrow">
      <Empty isPage title="There is no such page">
        <p>The address may be incomplete. An order&rsquo;s address has 36 letters, digits and hyphens after <span className="code">/orders/</span>.</p>
        <Link to="/" className="button button-primary">Order cupcakes</Link>
      </Empty>
    </Layout>
  );
}

/** When a page was last redrawn by itself; one that breaks again at once must not flicker. */
let lastRepair = Number.NEGATIVE_INFINITY;

export function CrashPage({ error, reset }: ErrorComponentProps) {
  const router = useRouter();
  const redraw = useCallback(() => {
    reset();
    void router.invalidate();
  }, [reset, router]);
  // Something else in this browser has changed the page's elements. Redrawn it is whole again, and nothing is lost.
  const isForeign = error instanceof DOMException && error.name === "NotFoundError";
  useEffect(() => {
    if (!isForeign || performance.now() - lastRepair < 10_000) return;
    lastRepair = performance.now();
    redraw();
  }, [isForeign, redraw]);
  return (
    <Layout title="Something went wrong" width="narrow">
      <div className="stack">
        <h1>Something went wrong</h1>
        <Notice look="bad" urgent>{textOf(error)}</Notice>
        <div className="row">
          <Button look="primary" onClick={redraw}>Try again</Button>
          <Button onClick={() => { location.reload(); }}>Reload the page</Button>
        </div>
      </div>
    </Layout>
  );
}

export function WaitingPage() {
  return (
    <Layout title="One moment">
      <Loading what="the page" />
    </Layout>
  );
}

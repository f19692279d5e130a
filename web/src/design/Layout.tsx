import { Link } from "@tanstack/react-router";
import { useEffect, useRef, type ReactNode } from "react";
import "./fonts.css";
import "./tokens.css";
import "./base.css";
import "./controls.css";
import "./layout.css";
import { useForeignZone } from "./BakeryTimes";
import { ThemeToggle } from "./ThemeToggle";

interface Props {
  /** What the page is called in the browser's tab. */
  readonly title: string;
  readonly nav?: ReactNode;
  readonly tools?: ReactNode;
  readonly banner?: ReactNode;
  /** Covers the masthead for a while. */
  readonly toast?: ReactNode;
  readonly width?: "narrow" | "wide";
  readonly children: ReactNode;
}

/** What all pages have: the name, links to other pages, and a link past them. */
export function Layout({ title, nav, tools, banner, toast, width, children }: Props) {
  const zone = useForeignZone();
  const main = useRef<HTMLElement>(null);
  useEffect(() => {
    document.title = `${title} · Cupcakery`;
  }, [title]);
  return (
    <>
      <a className="skip" href="#main" onClick={(event) => { event.preventDefault(); main.current?.focus(); }}>Skip to content</a>
      <header className="masthead">
        <Link to="/" className="wordmark" translate="no">
          <svg viewBox="0 0 32 32" aria-hidden="true" focusable="false">
            <path fill="currentColor" d="M16 3a3 3 0 0 1 3 3c4 .4 5.500 3 5 5.200 3 .8 4 4.300 2 6.800H6c-2-2.500-1-6 2-6.800C7.500 9 9 6.400 13 6a3 3 0 0 1 3-3zM6.500 19.500h19L23 28a2 2 0 0 1-2 1.500H11A2 2 0 0 1 9 28z" />
          </svg>
          <span className="wordmark-name">Cupcakery</span>
        </Link>
        {nav && <nav aria-label="Pages">{nav}</nav>}
        <div className="masthead-tools">{tools}<ThemeToggle /></div>
        {toast}
      </header>
      {banner}
      <main id="main" ref={main} tabIndex={-1} className={`page${width ? ` page-${width}` : ""}`}>{children}</main>
      <footer className="footer">{zone && <span>Times are the bakery&rsquo;s ({zone}). </span>}<a href="/third-party-notices.txt">Licences</a></footer>
    </>
  );
}

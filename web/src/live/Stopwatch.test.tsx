import { act, render, screen } from "@testing-library/react";
import { afterEach, beforeEach, describe, expect, test, vi } from "vitest";
import { at, start } from "../testing-data";
import { Live } from "./connection";
import { LiveContext } from "./hooks";
import { Stopwatch } from "./Stopwatch";

let seconds = 0;
let tell: (isNear: boolean) => void = () => undefined;
const unobserve = vi.fn();

/** A browser that says what is near the screen. */
class Observer {
  readonly #report: (entries: readonly { target: Element; isIntersecting: boolean }[]) => void;
  readonly unobserve = unobserve;

  constructor(report: (entries: readonly { target: Element; isIntersecting: boolean }[]) => void) {
    this.#report = report;
  }

  observe(target: Element): void {
    tell = (isIntersecting) => { this.#report([{ target, isIntersecting }]); };
  }
}

beforeEach(() => {
  vi.useFakeTimers({ now: start });
  vi.stubGlobal("IntersectionObserver", Observer);
  seconds = 0;
});

afterEach(() => {
  vi.useRealTimers();
  vi.unstubAllGlobals();
});

const second = () => { act(() => {
  seconds++;
  vi.advanceTimersByTime(1_000);
}); };
const shown = () => screen.getByRole("timer").textContent;

function show() {
  const now = () => start + seconds * 1000;
  const live = new Live({ open: () => { throw new Error("Nothing is followed here."); }, timeOfDay: now, monotonic: now, random: () => 0 });
  return render(<LiveContext value={live}><Stopwatch since={at(0)} /></LiveContext>);
}

describe("a stopwatch", () => {
  test("counts seconds, stands still far from the screen, and is right at once when somebody comes near", () => {
    const { unmount } = show();
    second();
    expect(shown()).toBe("0:01");
    tell(false);
    second();
    second();
    expect(shown()).toBe("0:01");
    tell(true);
    expect(shown()).toBe("0:03");
    second();
    expect(shown()).toBe("0:04");
    unmount();
    expect(unobserve).toHaveBeenCalled();
  });
});

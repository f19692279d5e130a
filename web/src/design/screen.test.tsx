import { act, render } from "@testing-library/react";
import { afterEach, describe, expect, test, vi } from "vitest";
import { FullScreenButton, useStaffApp, useWakeLock } from "./screen";

/** A browser that can keep the screen on. */
function keepsScreenOn(request: () => Promise<object>) {
  const asked = vi.fn(request);
  Object.defineProperty(navigator, "wakeLock", { configurable: true, value: { request: asked } });
  return asked;
}

const newLock = () => ({ released: false, release: vi.fn(function release(this: { released: boolean }) { this.released = true; return Promise.resolve(); }) });
const becomes = (state: DocumentVisibilityState) => act(async () => {
  vi.spyOn(document, "visibilityState", "get").mockReturnValue(state);
  document.dispatchEvent(new Event("visibilitychange"));
  await Promise.resolve();
});
const settled = () => act(() => Promise.resolve());

function Page() {
  useWakeLock();
  return null;
}

afterEach(() => { Reflect.deleteProperty(navigator, "wakeLock"); });

describe("the screen", () => {
  test("is kept on while the page is open", async () => {
    const lock = newLock();
    const asked = keepsScreenOn(() => Promise.resolve(lock));
    const { unmount } = render(<Page />);
    await settled();
    expect(asked).toHaveBeenCalledExactlyOnceWith("screen");
    await becomes("visible");
    expect(asked, "one is enough").toHaveBeenCalledOnce();
    unmount();
    expect(lock.release).toHaveBeenCalledOnce();
    await becomes("visible");
    expect(asked).toHaveBeenCalledOnce();
  });

  test("is kept on again when the page comes back into sight", async () => {
    const locks = [newLock(), newLock()];
    const asked = keepsScreenOn(() => Promise.resolve(locks[asked.mock.calls.length - 1] ?? newLock()));
    render(<Page />);
    await settled();
    if (locks[0]) locks[0].released = true; // as browsers do
    await becomes("hidden");
    expect(asked).toHaveBeenCalledTimes(1);
    await becomes("visible");
    expect(asked).toHaveBeenCalledTimes(2);
  });

  test("goes dark as it would anyway after a page that has closed before the answer", async () => {
    const lock = newLock();
    let answer: (lock: object) => void = () => undefined;
    keepsScreenOn(() => new Promise((done) => { answer = done; }));
    render(<Page />).unmount();
    answer(lock);
    await settled();
    expect(lock.release).toHaveBeenCalledOnce();
  });

  test("is no matter where a browser cannot or does not want to", async () => {
    render(<Page />).unmount();
    const asked = keepsScreenOn(() => Promise.reject(new Error("The battery is low.")));
    render(<Page />);
    await settled();
    await becomes("visible");
    expect(asked).toHaveBeenCalledTimes(2);
  });
});

test("the button for the full screen is not there where a browser cannot", () => {
  expect(render(<FullScreenButton />).container.childElementCount).toBe(0);
});

test("the staff's pages are installed as an app of their own", () => {
  const link = document.createElement("link");
  link.rel = "manifest";
  link.setAttribute("href", "/manifest.webmanifest");
  document.head.append(link);
  const Staff = () => {
    useStaffApp();
    return null;
  };
  const { unmount } = render(<Staff />);
  expect(link.getAttribute("href")).toBe("/staff.webmanifest");
  unmount();
  expect(link.getAttribute("href")).toBe("/manifest.webmanifest");
  link.remove();
});

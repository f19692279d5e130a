import { render, screen } from "@testing-library/react";
import userEvent from "@testing-library/user-event";
import { afterEach, beforeEach, expect, test, vi } from "vitest";
import { order } from "../../testing-data";
import { chime } from "../station/chime";
import { TellMe } from "./TellMe";

vi.mock("../station/chime");

const shown: { title: string; options: NotificationOptions }[] = [];

/** A browser that lets pages notify, or does not. */
function notifications(permission: NotificationPermission, answer = permission) {
  const request = vi.fn(() => {
    fake.permission = answer;
    return Promise.resolve(answer);
  });
  const fake = Object.assign(function Notification(title: string, options: NotificationOptions) { shown.push({ title, options }); }, { permission, requestPermission: request });
  vi.stubGlobal("Notification", fake);
  return request;
}

const look = (visibility: DocumentVisibilityState) => vi.spyOn(document, "visibilityState", "get").mockReturnValue(visibility);
const button = () => screen.getByRole("button", { name: /Tell me when it’s ready/ });
const ready = order({ state: "shipped" });

beforeEach(() => {
  shown.length = 0;
  vi.mocked(chime).mockClear();
});
afterEach(() => { vi.unstubAllGlobals(); });

test("nothing is asked for before somebody wants to be told", async () => {
  const request = notifications("default", "granted");
  render(<TellMe order={order()} />);
  expect(request).not.toHaveBeenCalled();
  await userEvent.click(button());
  expect(request).toHaveBeenCalledTimes(1);
  expect(await screen.findByText(/get a notification/)).toBeTruthy();
});

test("who wants it is told once, by all that there is", async () => {
  notifications("granted");
  look("hidden");
  const vibrate = vi.fn();
  vi.stubGlobal("navigator", Object.assign(Object.create(navigator) as Navigator, { vibrate }));
  const page = render(<TellMe order={order()} />);
  await userEvent.click(button());
  vi.mocked(chime).mockClear();
  for (const stale of [false, false, true]) page.rerender(<TellMe order={{ ...ready, stale }} />);
  expect(shown).toEqual([{ title: "Your cupcakes are ready", options: expect.objectContaining({ body: "Pickup code K7QF", tag: ready.id }) as unknown }]);
  expect(chime).toHaveBeenCalledTimes(1);
  expect(vibrate).toHaveBeenCalledTimes(1);
});

test("a page that is looked at needs no notification", async () => {
  notifications("granted");
  look("visible");
  const page = render(<TellMe order={order()} />);
  await userEvent.click(button());
  vi.mocked(chime).mockClear();
  page.rerender(<TellMe order={ready} />);
  expect(chime).toHaveBeenCalledTimes(1);
  expect(shown).toEqual([]);
});

test("where notifications are denied nobody is asked, and the sound remains", async () => {
  const request = notifications("denied");
  look("hidden");
  const page = render(<TellMe order={order()} />);
  await userEvent.click(button());
  expect(await screen.findByText(/Notifications are off in this browser/)).toBeTruthy();
  page.rerender(<TellMe order={ready} />);
  expect(request).not.toHaveBeenCalled();
  expect(shown).toEqual([]);
  expect(chime).toHaveBeenCalledTimes(2);
});

test("a browser that only lets a service worker notify plays the sound", async () => {
  vi.stubGlobal("Notification", Object.assign(function Android() { throw new TypeError("Illegal constructor"); }, { permission: "granted" }));
  look("hidden");
  const page = render(<TellMe order={order()} />);
  await userEvent.click(button());
  page.rerender(<TellMe order={ready} />);
  expect(chime).toHaveBeenCalledTimes(2);
});

test("nobody is told who does not want it, has changed their mind, or opens the page of an order that is ready", async () => {
  notifications("granted");
  look("hidden");
  const page = render(<TellMe order={order()} />);
  await userEvent.click(button());
  await userEvent.click(button());
  vi.mocked(chime).mockClear();
  page.rerender(<TellMe order={ready} />);
  expect(screen.queryByRole("button")).toBeNull();
  page.unmount();
  render(<TellMe order={order()} />).rerender(<TellMe order={ready} />);
  render(<TellMe order={ready} />);
  expect(chime).not.toHaveBeenCalled();
  expect(shown).toEqual([]);
});

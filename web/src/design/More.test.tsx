import { render, screen } from "@testing-library/react";
import userEvent from "@testing-library/user-event";
import { expect, test } from "vitest";
import { More } from "./More";

const button = () => screen.getByRole("button", { name: "More" });
const link = () => screen.queryByRole("link", { name: "Counter" });

function show() {
  render(<><More><li><a href="#counter">Counter</a></li></More><button type="button">Elsewhere</button></>);
}

test("more links are shown by a press, and are next for the keyboard", async () => {
  show();
  expect(button().getAttribute("aria-expanded")).toBe("false");
  expect(link()).toBeNull();
  await userEvent.tab();
  await userEvent.keyboard("{Enter}");
  expect(button().getAttribute("aria-expanded")).toBe("true");
  await userEvent.tab();
  expect(document.activeElement).toBe(link());
  await userEvent.click(button());
  expect(link()).toBeNull();
});

test("Escape closes them, and the keyboard goes on at the button", async () => {
  show();
  await userEvent.click(button());
  await userEvent.tab();
  await userEvent.keyboard("{Escape}");
  expect(link()).toBeNull();
  expect(document.activeElement).toBe(button());
});

test("whoever goes elsewhere leaves them, by keyboard and by touch", async () => {
  show();
  await userEvent.click(button());
  await userEvent.tab();
  await userEvent.tab();
  expect(document.activeElement?.textContent).toBe("Elsewhere");
  expect(link()).toBeNull();
  await userEvent.click(button());
  await userEvent.pointer({ target: document.body, keys: "[MouseLeft]" });
  expect(link()).toBeNull();
});

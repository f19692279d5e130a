import { render, screen } from "@testing-library/react";
import userEvent from "@testing-library/user-event";
import { useState } from "react";
import { describe, expect, test, vi } from "vitest";
import { Button } from "./Button";
import { Dialog } from "./Dialog";
import { leaveRow, useRest } from "./focus";

function List() {
  const [rows, setRows] = useState(["a", "b", "c"]);
  return (
    <section>
      <h2>Rows</h2>
      <ul>
        {rows.map((row) => (
          <li key={row}>
            <button>Open {row}</button>
            <button onClick={(event) => { leaveRow(event.currentTarget); setRows(rows.filter((each) => each !== row)); }}>Remove {row}</button>
          </li>
        ))}
      </ul>
    </section>
  );
}

describe("the focus of a row that goes away", () => {
  test("goes to the same place of the next row, of the one before, and at last to the heading", async () => {
    render(<List />);
    await userEvent.click(screen.getByRole("button", { name: "Remove b" }));
    expect(document.activeElement).toBe(screen.getByRole("button", { name: "Remove c" }));
    await userEvent.keyboard("{Enter}");
    expect(document.activeElement).toBe(screen.getByRole("button", { name: "Remove a" }));
    await userEvent.keyboard("{Enter}");
    expect(document.activeElement).toBe(screen.getByRole("heading", { name: "Rows" }));
  });
});

describe("a button that goes away after it was pressed", () => {
  const page = (isThere: boolean) => <main><h1>Bake</h1><section aria-labelledby="part"><h2 id="part">Part</h2>{isThere && <Button>Resume</Button>}</section>{isThere && <Button>Cancel</Button>}<button>Else</button></main>;
  const button = (name: string) => screen.getByRole("button", { name });
  const heading = (name: string) => screen.getByRole("heading", { name });

  test("leaves the focus to the heading of what is left around it", async () => {
    const { rerender } = render(page(true));
    await userEvent.click(button("Resume"));
    rerender(page(false));
    await vi.waitFor(() => { expect(document.activeElement).toBe(heading("Part")); });
    rerender(page(true));
    await userEvent.click(button("Cancel"));
    rerender(page(false));
    await vi.waitFor(() => { expect(document.activeElement).toBe(heading("Bake")); });
  });

  test("moves the page for a keyboard only", async () => {
    // jsdom does not know how an element has got the focus.
    const pressed = (isByKeyboard: boolean) => {
      const element = button("Cancel");
      const matches = element.matches.bind(element);
      element.matches = (selector: string) => (selector === ":focus-visible" ? isByKeyboard : matches(selector));
      return userEvent.click(element);
    };
    const { rerender } = render(page(true));
    const focus = vi.spyOn(heading("Bake"), "focus");
    await pressed(false);
    rerender(page(false));
    await vi.waitFor(() => { expect(focus).toHaveBeenLastCalledWith({ preventScroll: true }); });
    rerender(page(true));
    await pressed(true);
    rerender(page(false));
    await vi.waitFor(() => { expect(focus).toHaveBeenLastCalledWith({ preventScroll: false }); });
  });

  test("takes it from nobody who has gone elsewhere, nor after it only had the focus", async () => {
    const { rerender } = render(page(true));
    await userEvent.click(button("Cancel"));
    button("Else").focus();
    rerender(page(false));
    await settled();
    expect(document.activeElement).toBe(button("Else"));
    rerender(page(true));
    button("Resume").focus();
    rerender(page(false));
    await settled();
    expect(document.activeElement).toBe(document.body);
  });

  test("leaves it alone where the focus is moved by itself", async () => {
    const board = (isThere: boolean) => <div data-moves-focus><h1>Bake</h1>{isThere && <Button>Start</Button>}</div>;
    const { rerender } = render(board(true));
    await userEvent.click(button("Start"));
    rerender(board(false));
    await settled();
    expect(document.activeElement).toBe(document.body);
  });

  test("hands it over after the dialog that it opened gave it back", async () => {
    const asked = (isOpen: boolean, isThere: boolean) => <main><h1>Order</h1>{isThere && <Button>Cancel</Button>}{isOpen && <Dialog title="Sure?" onClose={() => undefined}><Button>Yes</Button></Dialog>}</main>;
    const { rerender } = render(asked(false, true));
    await userEvent.click(button("Cancel"));
    rerender(asked(true, true));
    await userEvent.click(button("Yes"));
    rerender(asked(false, true));
    expect(document.activeElement).toBe(button("Cancel"));
    rerender(asked(false, false));
    await vi.waitFor(() => { expect(document.activeElement).toBe(heading("Order")); });
  });
});

/** The focus is handed over behind what is under way now. */
const settled = () => new Promise((resolve) => { setTimeout(resolve); });

function Growing({ rows, hasMore }: { readonly rows: readonly string[]; readonly hasMore: boolean }) {
  const [list, pressMore] = useRest<HTMLUListElement>(rows.length, hasMore);
  return (
    <main>
      <h1>Rows</h1>
      <ul ref={list}>{rows.map((row) => <li key={row}><a href={`#${row}`}>{row}</a></li>)}</ul>
      {hasMore && <Button onClick={pressMore}>More</Button>}
      <button>Else</button>
    </main>
  );
}

describe("whoever asks for more of a list", () => {
  const more = () => screen.getByRole("button", { name: "More" });

  test("stays at the button as long as there is more, and then goes on at the first row that is new", async () => {
    const { rerender } = render(<Growing rows={["a", "b"]} hasMore />);
    await userEvent.click(more());
    rerender(<Growing rows={["a", "b", "c"]} hasMore />);
    expect(document.activeElement).toBe(more());
    await userEvent.click(more());
    rerender(<Growing rows={["a", "b", "c", "d", "e"]} hasMore={false} />);
    expect(document.activeElement).toBe(screen.getByRole("link", { name: "d" }));
    await settled();
    expect(document.activeElement).toBe(screen.getByRole("link", { name: "d" }));
  });

  test("goes on at the heading if there was nothing more", async () => {
    const { rerender } = render(<Growing rows={["a"]} hasMore />);
    await userEvent.click(more());
    rerender(<Growing rows={["a"]} hasMore={false} />);
    await vi.waitFor(() => { expect(document.activeElement).toBe(screen.getByRole("heading", { name: "Rows" })); });
  });

  test("stays where they have gone meanwhile, and is left alone if they have not asked", async () => {
    const { rerender } = render(<Growing rows={["a"]} hasMore />);
    await userEvent.click(more());
    screen.getByRole("button", { name: "Else" }).focus();
    rerender(<Growing rows={["a", "b"]} hasMore={false} />);
    expect(document.activeElement).toBe(screen.getByRole("button", { name: "Else" }));
    screen.getByRole("button", { name: "Else" }).blur();
    rerender(<Growing rows={["a", "b"]} hasMore />);
    rerender(<Growing rows={["a", "b", "c"]} hasMore={false} />);
    expect(document.activeElement).toBe(document.body);
  });
});

import { render, screen } from "@testing-library/react";
import userEvent from "@testing-library/user-event";
import { useState } from "react";
import { describe, expect, test } from "vitest";
import { leaveRow, usePageWhenGone } from "./focus";

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

function Goes() {
  const leave = usePageWhenGone();
  return <button onClick={leave}>Resume</button>;
}

test("what goes away after it was pressed leaves the focus to the page, unless somebody has gone elsewhere", async () => {
  const page = (isThere: boolean) => <main><h1>Bake</h1>{isThere && <Goes />}<button>Else</button></main>;
  const { rerender } = render(page(true));
  await userEvent.click(screen.getByRole("button", { name: "Resume" }));
  rerender(page(false));
  expect(document.activeElement).toBe(screen.getByRole("heading", { name: "Bake" }));
  rerender(page(true));
  await userEvent.click(screen.getByRole("button", { name: "Resume" }));
  screen.getByRole("button", { name: "Else" }).focus();
  rerender(page(false));
  expect(document.activeElement).toBe(screen.getByRole("button", { name: "Else" }));
});

import { render, screen } from "@testing-library/react";
import { describe, expect, test } from "vitest";
import { Field } from "./Field";

function show(props: Partial<Parameters<typeof Field>[0]> = {}) {
  render(<Field label="Name" {...props}>{(wiring) => <input {...wiring} />}</Field>);
  return screen.getByRole("textbox", { name: "Name" });
}

/** What a screen reader says after the label. */
function description(input: HTMLElement): readonly (string | null)[] {
  const ids = input.getAttribute("aria-describedby")?.split(" ") ?? [];
  return ids.map((id) => {
    const element = document.getElementById(id);
    if (!element) throw new Error(`Nothing has the id ${id}.`);
    return element.textContent;
  });
}

describe("Field", () => {
  test("names its input by the label, and says nothing else", () => {
    const input = show();
    expect(input.hasAttribute("aria-describedby")).toBe(false);
    expect(input.hasAttribute("aria-invalid")).toBe(false);
  });

  test("describes its input by the hint", () => {
    const input = show({ hint: "Optional" });
    expect(description(input)).toEqual(["Optional"]);
    expect(input.hasAttribute("aria-invalid")).toBe(false);
  });

  test("marks its input when it has a fault, and describes it by the fault", () => {
    const input = show({ error: "Too long." });
    expect(input.getAttribute("aria-invalid")).toBe("true");
    expect(description(input)).toEqual(["Too long."]);
  });

  test("describes its input by both, the hint first", () => {
    expect(description(show({ hint: "Optional", error: "Too long." }))).toEqual(["Optional", "Too long."]);
  });

  test("ties each input to its own label, even if labels are alike", () => {
    render(<><Field label="Note" error="A">{(wiring) => <input {...wiring} />}</Field><Field label="Note" error="B">{(wiring) => <input {...wiring} />}</Field></>);
    const [first, second] = screen.getAllByLabelText("Note");
    if (!first || !second) throw new Error("There are not two.");
    expect([description(first), description(second)]).toEqual([["A"], ["B"]]);
  });

  test("shows a fault as text", () => {
    const hostile = "<img src=x onerror=alert(1)>";
    show({ error: hostile });
    expect(screen.getByText(hostile).children).toHaveLength(0);
  });
});

import { render, screen } from "@testing-library/react";
import userEvent from "@testing-library/user-event";
import { useState } from "react";
import { describe, expect, test } from "vitest";
import { PieceCount } from "./PieceCount";

function Counting({ from }: { readonly from: number }) {
  const [value, setValue] = useState(from);
  return <PieceCount label="Pieces scrapped" value={value} onChange={setValue} />;
}

function show(from: number) {
  render(<Counting from={from} />);
  const input = screen.getByRole<HTMLInputElement>("textbox", { name: "Pieces scrapped" });
  return { input, press: (name: string) => userEvent.click(screen.getByRole("button", { name })) };
}

describe("PieceCount", () => {
  test("counts up and down by touch", async () => {
    const { input, press } = show(5);
    await press("One more");
    expect(input.value).toBe("6");
    await press("One fewer");
    await press("One fewer");
    expect(input.value).toBe("4");
  });

  test("stops at nothing", async () => {
    const { input, press } = show(0);
    await press("One fewer");
    expect(input.value).toBe("0");
  });

  test("stops at what the API takes", async () => {
    const { input, press } = show(10_000);
    await press("One more");
    expect(input.value).toBe("10000");
    await userEvent.type(input, "9");
    expect(input.value).toBe("10000");
  });

  test("takes a number that is typed", async () => {
    const { input } = show(0);
    await userEvent.type(input, "12");
    expect(input.value).toBe("12");
  });

  test("takes nothing but digits", async () => {
    const { input } = show(0);
    await userEvent.type(input, "-1.5e");
    expect(input.value).toBe("15");
  });

  test("is zero when it is emptied", async () => {
    const { input } = show(7);
    await userEvent.clear(input);
    expect(input.value).toBe("0");
  });
});

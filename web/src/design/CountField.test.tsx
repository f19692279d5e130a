import { render, screen } from "@testing-library/react";
import userEvent from "@testing-library/user-event";
import { useState } from "react";
import { describe, expect, test, vi } from "vitest";
import { CountField } from "./CountField";

function show({ from, least = 1, most = 500 }: { readonly from: number; readonly least?: number; readonly most?: number }) {
  const onChange = vi.fn();
  function Counting() {
    const [value, setValue] = useState(from);
    return <CountField label="Pieces" value={value} least={least} most={most} onChange={(next) => { onChange(next); setValue(next); }} />;
  }
  render(<><Counting /><button type="button">elsewhere</button></>);
  const input = screen.getByRole<HTMLInputElement>("textbox", { name: "Pieces" });
  const type = async (text: string) => {
    await userEvent.clear(input);
    await userEvent.type(input, text);
  };
  const fault = () => input.getAttribute("aria-invalid") === "true" ? document.getElementById(input.getAttribute("aria-describedby") ?? "")?.textContent : undefined;
  return { input, onChange, type, fault, press: (name: string) => userEvent.click(screen.getByRole("button", { name })) };
}

describe("CountField", () => {
  test("counts up and down by touch, and stops at both ends", async () => {
    const { input, press } = show({ from: 499 });
    await press("One more: Pieces");
    await press("One more: Pieces");
    expect(input.value).toBe("500");
    await press("One fewer: Pieces");
    expect(input.value).toBe("499");
  });

  test("accepts a typed number, and writes it plainly when the field is left", async () => {
    const { input, onChange, type, fault, press } = show({ from: 6 });
    await type("０１２");
    expect(onChange).toHaveBeenLastCalledWith(12);
    expect(fault()).toBeUndefined();
    await press("elsewhere");
    expect(input.value).toBe("12");
  });

  test.each(["1,5", "1e2", "-3", "12 pieces", "501", "0"])("does not change %s, and says what is wrong as long as it is there", async (text) => {
    const { input, onChange, type, fault, press } = show({ from: 6 });
    await type(text);
    await press("elsewhere");
    expect(input.value).toBe(text);
    expect(onChange).toHaveBeenLastCalledWith(Number.NaN);
    expect(fault()).toBeTruthy();
    await type("8");
    expect(onChange).toHaveBeenLastCalledWith(8);
    expect(fault()).toBeUndefined();
  });

  test("goes on from the nearest number when somebody presses after a fault", async () => {
    const { input, type, press, fault } = show({ from: 6 });
    await type("1,5");
    await press("One more: Pieces");
    expect(input.value).toBe("1");
    expect(fault()).toBeUndefined();
  });

  test("counts an empty field as zero, where zero is allowed", async () => {
    const { input, onChange, press } = show({ from: 7, least: 0 });
    await userEvent.clear(input);
    expect(onChange).toHaveBeenLastCalledWith(0);
    await press("elsewhere");
    expect(input.value).toBe("0");
  });
});

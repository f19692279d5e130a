import { describe, expect, test } from "vitest";
import { order } from "../../testing-data";
import { amendmentOf } from "./AmendDialog";

describe("the amendment", () => {
  const before = order({
    notes: "ring",
    lines: [
      { flavour: "vanilla", size: "M", quantity: 6, message: "Happy 40th" },
      { flavour: "nut", size: "M", quantity: 6 },
    ],
  });

  test("is none if nothing differs", () => {
    expect(amendmentOf(before, "ring", ["Happy 40th", ""])).toBeNull();
    expect(amendmentOf(order(), "", [""])).toBeNull();
  });

  test("has the notes alone if they alone differ", () => {
    expect(amendmentOf(before, "ring twice", ["Happy 40th", ""])).toEqual({ notes: "ring twice" });
  });

  test("removes notes with an empty text", () => {
    expect(amendmentOf(before, "", ["Happy 40th", ""])).toEqual({ notes: "" });
  });

  test("names only the lines whose message differs, by their index", () => {
    expect(amendmentOf(before, "ring", ["Happy 40th", "Hi"])).toEqual({ messages: [{ line: 1, message: "Hi" }] });
    expect(amendmentOf(before, "ring", ["Happy 41st", "Hi"])).toEqual({ messages: [{ line: 0, message: "Happy 41st" }, { line: 1, message: "Hi" }] });
  });

  test("removes a message with an empty text", () => {
    expect(amendmentOf(before, "ring", ["", ""])).toEqual({ messages: [{ line: 0, message: "" }] });
  });

  test("has a phone number if another one is given, and an empty one to remove it", () => {
    const reached = order({ phone: "+49305550123" });
    expect(amendmentOf(reached, "", [""])).toBeNull();
    expect(amendmentOf(reached, "", [""], "+49305550123 ")).toBeNull();
    expect(amendmentOf(reached, "", [""], " +49 30 5550124")).toEqual({ phone: "+49 30 5550124" });
    expect(amendmentOf(reached, "", [""], "")).toEqual({ phone: "" });
  });

  test("has both if both differ", () => {
    expect(amendmentOf(before, "x", ["y", ""])).toEqual({ notes: "x", messages: [{ line: 0, message: "y" }] });
  });
});

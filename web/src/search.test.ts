import { expect, test } from "vitest";
import { searchAsText } from "./search";

test("what somebody looks for stays what they wrote", () => {
  for (const q of ["null", "true", "49301234567890123456", "2E34", "0300", '"quoted"', "Zoë & co", "[1]", ""]) {
    const address = searchAsText.stringifySearch({ q, state: undefined });
    expect(searchAsText.parseSearch(address), address).toEqual({ q });
  }
  expect(searchAsText.stringifySearch({ q: undefined })).toBe("");
  expect(searchAsText.stringifySearch({ range: 7 })).toBe("?range=7");
});

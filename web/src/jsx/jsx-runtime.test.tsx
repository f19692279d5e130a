import { render } from "@testing-library/react";
import { describe, expect, test } from "vitest";
import { translate } from "../testing";

/** Some of everything that pages do with texts. */
function Sample({ n, word, flag }: { readonly n: number; readonly word: string; readonly flag: boolean }) {
  return (
    <div>
      {flag && <b>first</b>} You have {n} of {word}{flag && ", and more"}.
      <p>{word}</p>
      <ul>{Array.from({ length: n }, (_, i) => <li key={i}>No. {i}<> of {n}</></li>)}</ul>
      {flag ? "yes" : <i>no</i>}
    </div>
  );
}

const plain = (element: HTMLElement) => element.textContent;
const elements = (element: HTMLElement) => [...element.querySelectorAll("*")].map(({ localName }) => localName);

describe("a page that a translator has changed", () => {
  test("still shows the right texts", () => {
    const states = [{ n: 1, word: "cakes", flag: false }, { n: 3, word: "tarts", flag: true }, { n: 2, word: "", flag: false }, { n: 0, word: "pies", flag: true }, { n: 2, word: "pies", flag: false }];
    const shown = render(<Sample n={2} word="buns" flag />);
    const { container } = shown;
    for (const state of states) {
      translate(container);
      shown.rerender(<Sample {...state} />);
      const fresh = render(<Sample {...state} />, { container: document.createElement("div") });
      expect(plain(container)).toBe(plain(fresh.container));
    }
  });

  test("keeps blanks between elements as they are, or they would show as gaps", () => {
    const { container } = render(<div><b>a</b> <b>b</b></div>);
    expect(elements(container)).toEqual(["div", "b", "b"]);
    expect(plain(container)).toBe("a b");
  });

  test("leaves elements alone that may contain text only", () => {
    const { container } = render(<svg><title>{1} of {2}</title></svg>);
    expect(elements(container)).toEqual(["svg", "title"]);
    expect(plain(container)).toBe("1 of 2");
  });
});

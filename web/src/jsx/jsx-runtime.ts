// What JSX is compiled to, in place of React's own: the same, but a text that
// stands beside other things gets an element of its own.
//
// Translators that browsers have, and some extensions, put elements of theirs in
// the place of texts. React would go on changing the texts that it has made, which nobody
// sees any more, or fail when it takes one out of the page. A text that is all
// that its element has is safe: React then changes the element.

import type { ReactNode } from "react";
import * as react from "react/jsx-runtime";

export type { JSX } from "react/jsx-runtime";
export const Fragment = react.Fragment;

type Create = typeof react.jsx;

/** An element with one child, or none. */
export const jsx: Create = (type, props, key) => react.jsx(type, type === Fragment ? withOwnElements([(props as Props).children], props as Props) : props, key);

/** An element with several children. */
export const jsxs: Create = (type, props, key) => {
  const { children } = props as Props;
  if (!Array.isArray(children) || onlyTexts.has(type)) return react.jsxs(type, props, key);
  return react.jsxs(type, withOwnElements(children as readonly ReactNode[], props as Props), key);
};

interface Props {
  readonly children?: ReactNode;
}

/** What a text gets. It has no look, and no style sheet speaks of it. */
const own = "x-text" as "span";

/** Elements that may have texts and nothing else. */
const onlyTexts = new Set<unknown>(["option", "text", "textarea", "title"]);

const isText = (child: ReactNode): child is string | number => typeof child === "string" || typeof child === "number";

/** Texts in a row share an element; each child keeps its place. Blanks are left alone, by translators too. */
function withOwnElements(children: readonly ReactNode[], props: Props): Props {
  if (!children.some(isText)) return props;
  const all: ReactNode[] = [];
  for (let i = 0; i < children.length; ) {
    let end = i;
    while (end < children.length && isText(children[end])) end++;
    if (end === i) {
      all.push(children[i++]);
      continue;
    }
    const text = children.slice(i, end).filter(isText).join("");
    all.push(text.trim() === "" ? text : react.jsx(own, { children: text }));
    for (i++; i < end; i++) all.push(null);
  }
  return { ...props, children: all.length === 1 ? all[0] : all };
}

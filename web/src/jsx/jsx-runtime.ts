// What JSX is compiled to instead of React's own runtime. It does the same, but a
// text that has siblings gets an element of its own.
//
// Browsers' translators and some extensions replace texts by elements of their
// own. React would go on changing its texts, which are no longer on the page, or
// fail when it removes one. A text without siblings is safe: React then changes
// its parent.

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

/** The element of a text. No style sheet mentions it. */
const own = "x-text" as "span";

/** Elements that may contain texts only. */
const onlyTexts = new Set<unknown>(["option", "text", "textarea", "title"]);

const isText = (child: ReactNode): child is string | number => typeof child === "string" || typeof child === "number";

/** Adjacent texts share an element; each child keeps its index. Blanks stay as they are: translators leave them alone too. */
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

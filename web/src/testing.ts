import { cleanup, configure } from "@testing-library/react";
import { afterEach } from "vitest";

// A busy machine may take longer than the library's second to show what is waited for.
configure({ asyncUtilTimeout: 20_000 });

// jsdom knows the element, but not how to open and close it.
HTMLDialogElement.prototype.showModal = function showModal() {
  this.open = true;
};
HTMLDialogElement.prototype.close = function close() {
  this.open = false;
};

afterEach(cleanup);

/** Does what a browser's translator does: it moves each text that is not blank into elements of its own. */
export function translate(root: HTMLElement): void {
  const texts: Text[] = [];
  const walker = document.createTreeWalker(root, NodeFilter.SHOW_TEXT);
  while (walker.nextNode()) texts.push(walker.currentNode as Text);
  for (const text of texts) {
    if (text.data.trim() === "") continue;
    const translated = document.createElement("i");
    translated.append(document.createElement("i"));
    translated.firstElementChild?.append(text.data);
    text.replaceWith(translated);
  }
}

import { cleanup } from "@testing-library/react";
import { afterEach } from "vitest";

// jsdom knows the element, but not how to open and close it.
HTMLDialogElement.prototype.showModal = function showModal() {
  this.open = true;
};
HTMLDialogElement.prototype.close = function close() {
  this.open = false;
};

afterEach(cleanup);

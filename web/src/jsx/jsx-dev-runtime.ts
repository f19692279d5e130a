// The same for development.

import type { ElementType } from "react";
import * as react from "react/jsx-dev-runtime";
import { jsx, jsxs } from "./jsx-runtime";

export type { JSX } from "react/jsx-dev-runtime";
export const Fragment = react.Fragment;

export const jsxDEV = (type: ElementType, props: unknown, key: string | undefined, isStatic: boolean) => (isStatic ? jsxs : jsx)(type, props, key);

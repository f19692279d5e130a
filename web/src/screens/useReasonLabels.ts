import { useQuery } from "@tanstack/react-query";
import { useCallback } from "react";
import { menuQuery } from "../api/queries";

/** The labels of the reasons why work fails. A station may report one that has none: its code is made readable. */
export function useReasonLabels(): (code: string) => string {
  const { data: menu } = useQuery(menuQuery);
  return useCallback((code: string) => menu?.reasons.find((reason) => reason.code === code)?.label ?? readable(code), [menu]);
}

/** "oven-door-open" as people write it. */
function readable(code: string): string {
  const words = code.replace(/[-_]+/g, " ").trim();
  return words.charAt(0).toUpperCase() + words.slice(1);
}

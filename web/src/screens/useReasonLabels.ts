import { useQuery } from "@tanstack/react-query";
import { useCallback } from "react";
import { menuQuery } from "../api/queries";

/** The labels of the reasons why work fails. A station may report one that has no label. */
export function useReasonLabels(): (code: string) => string {
  const { data: menu } = useQuery(menuQuery);
  return useCallback((code: string) => menu?.reasons.find((reason) => reason.code === code)?.label ?? code, [menu]);
}

import { useQuery } from "@tanstack/react-query";
import { useCallback } from "react";
import { menuQuery } from "../api/queries";

/** What people call the reasons with which work fails. A station may report one that nobody has named. */
export function useReasonLabels(): (code: string) => string {
  const { data: menu } = useQuery(menuQuery);
  return useCallback((code: string) => menu?.reasons.find((reason) => reason.code === code)?.label ?? code, [menu]);
}

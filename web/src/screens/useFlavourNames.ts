import { useQuery } from "@tanstack/react-query";
import { useCallback } from "react";
import { menuQuery } from "../api/queries";

/** The names of flavours. One that is not on the menu any more has only its code. */
export function useFlavourNames(): (code: string) => string {
  const { data: menu } = useQuery(menuQuery);
  return useCallback((code: string) => menu?.flavours.find((flavour) => flavour.code === code)?.name ?? code, [menu]);
}

import { Outlet } from "@tanstack/react-router";
import { useSyncExternalStore } from "react";
import { foreignZone, watchBakeryZone } from "./time";

/** The page, from its beginning once it is known that its times are not the reader's: texts with a time are anywhere. */
export function BakeryTimes() {
  return <Outlet key={useForeignZone()} />;
}

/** The bakery's time zone if its clock shows another time than the reader's; empty otherwise. */
export function useForeignZone(): string {
  return useSyncExternalStore(watchBakeryZone, () => foreignZone());
}

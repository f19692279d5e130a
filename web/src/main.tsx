import { QueryClientProvider } from "@tanstack/react-query";
import { RouterProvider } from "@tanstack/react-router";
import { StrictMode } from "react";
import { createRoot } from "react-dom/client";
import { menuQuery, newQueryClient } from "./api/queries";
import { openLive } from "./live/connection";
import { LiveContext } from "./live/hooks";
import { newRouter } from "./router";

const queryClient = newQueryClient();
void queryClient.query(menuQuery).catch(() => undefined); // every page shows times, which are in its time zone
const live = openLive();
const router = newRouter({ queryClient, live });

const element = document.getElementById("app");
if (!element) throw new Error("index.html has no element #app");
createRoot(element).render(
  <StrictMode>
    <QueryClientProvider client={queryClient}>
      <LiveContext value={live}>
        <RouterProvider router={router} />
      </LiveContext>
    </QueryClientProvider>
  </StrictMode>,
);

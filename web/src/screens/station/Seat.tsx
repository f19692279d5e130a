import { useQuery, useQueryClient } from "@tanstack/react-query";
import { api } from "../../api/client";
import { textOf } from "../../api/problem";
import { demoStaffQuery } from "../../api/queries";
import type { Stage } from "../../api/schema.gen";
import { Button } from "../../design/Button";
import { stageWords } from "../../design/stages";
import type { ToastMessage } from "../../design/Toast";
import "./seat.css";

/** How often the page shows that somebody is there: a robot waits for a sign for one and a half minutes. */
const signEvery = 20_000;

interface Props {
  readonly stage: Stage;
  readonly me: string;
  readonly notify: (message: ToastMessage) => void;
}

/** In a demonstration, says that a robot works here, whose seat can be taken. Elsewhere there is nothing to see. */
export function Seat({ stage, me, notify }: Props) {
  const queryClient = useQueryClient();
  const queryKey = ["seat", stage];
  const isDemo = (useQuery(demoStaffQuery).data ?? []).length > 0;
  const { data: seat } = useQuery({
    enabled: isDemo, // nobody else has robots, or is asked for them
    queryKey,
    queryFn: () => api.seat("POST", stage),
    staleTime: Infinity,
    gcTime: 0,
    refetchInterval: ({ state }) => (state.data ? signEvery : false),
    refetchIntervalInBackground: true,
  });
  if (!seat?.robot) return null;
  const change = (method: "PUT" | "DELETE") => {
    api.seat(method, stage).then(
      async (changed) => {
        // What was asked before would show the seat as it was.
        await queryClient.cancelQueries({ queryKey });
        queryClient.setQueryData(queryKey, changed);
      },
      (error: unknown) => { notify({ text: textOf(error) }); },
    );
  };
  return (
    <div className="seat" role="status">
      <p className="small">
        {seat.by === undefined && <><strong>A robot works here.</strong> Take its seat, and the tickets wait for you.</>}
        {seat.by === me && <><strong>You have the robot’s seat.</strong> It comes back soon after you close this page, and so does what you have in hand.</>}
        {seat.by !== undefined && seat.by !== me && <><strong translate="no">{seat.by}</strong> has the robot’s seat.</>}
      </p>
      {seat.by === undefined
        ? <Button onClick={() => { change("PUT"); }}>Take the {stageWords[stage].role}’s seat</Button>
        : <Button onClick={() => { change("DELETE"); }}>Hand back to the robot</Button>}
    </div>
  );
}

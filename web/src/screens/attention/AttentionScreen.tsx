import { useQuery } from "@tanstack/react-query";
import { getRouteApi } from "@tanstack/react-router";
import { useState } from "react";
import { questionsQuery } from "../../api/queries";
import { Button } from "../../design/Button";
import { Failure, Loading, Notice } from "../../design/feedback";
import { useLive } from "../../live/hooks";
import { StaffLayout } from "../StaffLayout";
import { StationAlarms } from "../StationAlarms";
import { useRefetchOnChange } from "../useRefetchOnChange";
import { Questions } from "./Questions";
import "./attention.css";

const route = getRouteApi("/attention");

export function AttentionScreen() {
  const { session } = route.useRouteContext();
  const { kitchen, problem } = useLive("kitchen");
  const questions = useQuery(questionsQuery);
  useRefetchOnChange(kitchen?.questionsVersion ?? 0, questions.refetch);
  const orders = questions.data;
  const waiting = kitchen?.orders?.needsAttention;
  // It stays after its question is closed: whoever decided second must learn that it did not count.
  const [refusal, setRefusal] = useState<string | null>(null);
  return (
    <StaffLayout title="Attention" session={session} problem={problem} width="narrow">
      <header className="page-head">
        <div>
          <h1>Attention desk</h1>
          <p className="lead">Orders that cannot continue by themselves. The first manager&rsquo;s decision counts.</p>
        </div>
        {waiting !== undefined && <span className={`badge ${waiting > 0 ? "badge-bad" : "badge-good"} numbers`}>{waiting} waiting</span>}
      </header>
      <StationAlarms stages={kitchen?.stages ?? []} />
      {refusal && (
        <Notice look="bad" urgent className="refusal">
          <p className="wrap-anywhere">{refusal}</p>
          <Button look="bare" onClick={() => { setRefusal(null); }}>Understood</Button>
        </Notice>
      )}
      {questions.error && <Failure error={questions.error} retry={() => void questions.refetch()} />}
      {!orders && !questions.error && <Loading what="what needs a decision" />}
      {orders && <Questions orders={orders} onRefused={setRefusal} />}
    </StaffLayout>
  );
}

import { useQuery } from "@tanstack/react-query";
import type { ReactNode } from "react";
import { asProblem } from "../../api/problem";
import { Failure, Loading } from "../../design/feedback";
import { stateText } from "../../states";
import { Delay } from "./Delay";
import { delayQuery } from "./queries";
import "./history.css";

interface Props {
  readonly id: string;
  /** What is shown of an order that the ledger does not know either. */
  readonly unknown: ReactNode;
}

/** An order that Temporal has forgotten, as the ledger remembers it. */
export function Forgotten({ id, unknown }: Props) {
  const { data, error, refetch } = useQuery(delayQuery(id));
  if (!data && error) return asProblem(error).is("/problems/order-not-found", "/problems/order-erased") ? unknown : <Failure error={error} retry={() => void refetch()} />;
  if (!data) return <Loading what="what the ledger remembers" />;
  return (
    <div className="stack history">
      <header className="page-head">
        <div>
          <h1 className="code" translate="no">{data.pickupCode}</h1>
          <p className="lead"><span className="badge">{stateText({ state: data.state })}</span> Temporal does not have this order. This is what the ledger remembers.</p>
        </div>
      </header>
      <section className="card" aria-label="Its way"><Delay id={id} /></section>
    </div>
  );
}

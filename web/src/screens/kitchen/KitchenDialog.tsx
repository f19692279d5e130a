import { useQuery } from "@tanstack/react-query";
import { useState } from "react";
import { api } from "../../api/client";
import { textOf } from "../../api/problem";
import { menuQuery } from "../../api/queries";
import type { Session, Stage } from "../../api/schema.gen";
import { Button } from "../../design/Button";
import { Dialog } from "../../design/Dialog";
import { Field } from "../../design/Field";
import { Failure, Loading } from "../../design/feedback";
import { stageOfRole, stages, stageWords } from "../../design/stages";
import { dayAndTime } from "../../design/time";
import { useLive } from "../../live/hooks";
import { comingText, untilOf } from "./until";
import "./kitchen.css";

interface Props {
  readonly session: Session;
  /** The board from which it is opened: then only that station is shown. */
  readonly stage?: Stage;
}

/** What is sold out and paused, one touch away from each staff page. */
export function KitchenButton(props: Props) {
  const [isOpen, setOpen] = useState(false);
  return (
    <>
      <Button look="bare" onClick={() => { setOpen(true); }}>Sold out, pause …</Button>
      {isOpen && <KitchenDialog {...props} onClose={() => { setOpen(false); }} />}
    </>
  );
}

export function KitchenDialog({ session, stage, onClose }: Props & { readonly onClose: () => void }) {
  const { kitchen } = useLive("kitchen");
  const menu = useQuery(menuQuery);
  const [until, setUntil] = useState("");
  const [reason, setReason] = useState("");
  const [error, setError] = useState("");
  const change = async (ask: () => Promise<unknown>) => {
    setError("");
    try {
      await ask();
    } catch (failure) {
      setError(textOf(failure));
    }
  };
  const end = untilOf(until, new Date());
  const own = stageOfRole(session.role);
  const shown = stage ? [stage] : own ? [own] : stages;
  return (
    <Dialog title="Sold out and paused" isSheet onClose={onClose}>
      {!kitchen || !menu.data ? (menu.error ? <Failure error={menu.error} /> : <Loading what="the kitchen" />) : (
        <div className="stack">
          {error && <p className="field-error" role="alert">{error}</p>}
          <Field label="Sold out until" hint={end === undefined ? "Optional. Without a time, it stays until you take it back." : `Until ${comingText(end, new Date())}.`}>
            {(wiring) => <input {...wiring} className="input" type="time" value={until} onChange={(event) => { setUntil(event.target.value); }} />}
          </Field>
          <ul className="switches switches-flavours" aria-label="Flavours">
            {menu.data.flavours.map(({ code, name }) => {
              const soldOut = kitchen.state.soldOut.find(({ flavour }) => flavour === code);
              return (
                <li key={code}>
                  <span className="wrap-anywhere"><b>{name}</b>{soldOut && <span className="soft small"> sold out{soldOut.until ? ` until ${dayAndTime(soldOut.until)}` : ""} (<span translate="no">{soldOut.by}</span>)</span>}</span>
                  {soldOut
                    ? <Button aria-label={`${name} is back`} onClick={() => void change(() => api.backOnSale(code))}>Back on sale</Button>
                    : <Button aria-label={`${name} is sold out`} onClick={() => void change(() => api.soldOut(code, untilOf(until, new Date())))}>Sold out</Button>}
                </li>
              );
            })}
          </ul>
          <Field label="Pause because" hint="Optional">
            {(wiring) => <input {...wiring} className="input" maxLength={200} autoComplete="off" value={reason} onChange={(event) => { setReason(event.target.value); }} />}
          </Field>
          <ul className="switches" aria-label="Stations">
            {shown.map((each) => {
              const paused = kitchen.state.paused.find((one) => one.stage === each);
              return (
                <li key={each}>
                  <span className="wrap-anywhere"><b>{stageWords[each].name}</b>{paused && <span className="soft small"> paused (<span translate="no">{paused.by}</span>)</span>}</span>
                  {paused
                    ? <Button aria-label={`${stageWords[each].name} goes on`} onClick={() => void change(() => api.resume(each))}>Resume</Button>
                    : <Button aria-label={`Pause ${stageWords[each].name}`} onClick={() => void change(() => api.pause(each, reason.trim()))}>Pause</Button>}
                </li>
              );
            })}
          </ul>
          <div className="row"><Button look="primary" onClick={onClose}>Close</Button></div>
        </div>
      )}
    </Dialog>
  );
}

import { useQuery } from "@tanstack/react-query";
import { useEffect, useRef, useState } from "react";
import { slotsQuery } from "../../api/queries";
import { Button } from "../../design/Button";
import { Field } from "../../design/Field";
import { Failure, Loading } from "../../design/feedback";
import { dayText, dueText } from "../../design/time";
import type { Draft } from "./draft";
import { choices } from "./slots";

interface Props {
  readonly draft: Draft;
  readonly pieces: number;
  readonly fault: string | undefined;
  /** Slots with room, when the chosen one has none any more. */
  readonly free: readonly string[];
  readonly onChange: (part: Partial<Draft>) => void;
}

/** How many days can be chosen at first: few people order for later ones, and a phone shows so many at once. */
const daysAtFirst = 14;

/** As soon as possible, or a day and then a time. */
export function When({ draft, pieces, fault, free, onChange }: Props) {
  const [day, setDay] = useState("");
  const [isWhole, setWhole] = useState(false);
  const days = useRef<HTMLSelectElement>(null);
  const isLater = draft.when === "later";
  const slots = useQuery({ ...slotsQuery(isLater ? day : "", Math.max(1, pieces)), placeholderData: (before) => before });
  const isClosed = slots.data?.open === false;
  const isGone = isLater && draft.pickupAt !== "" && slots.data !== undefined && !slots.isPlaceholderData && !slots.data.slots.some(({ at }) => at === draft.pickupAt);
  useEffect(() => {
    // What is ordered is what the page shows: a time from before the page was loaded may be of another day.
    if (isGone) onChange({ pickupAt: "" });
  });
  const all = slots.data ? [...new Set([...slots.data.days, ...(slots.data.day ? [slots.data.day] : [])])].sort() : [];
  const first = all.slice(0, daysAtFirst);
  const isShort = !isWhole && all.length > first.length && (slots.data?.day === undefined || first.includes(slots.data.day));
  return (
    <section className="card stack" aria-labelledby="when">
      <h2 id="when">When would you like them?</h2>
      <div className="choices" role="radiogroup" aria-labelledby="when">
        <label className="choice">
          <input type="radio" name="when" checked={!isLater} disabled={isClosed} onChange={() => { onChange({ when: "now", pickupAt: "" }); }} />
          <span>As soon as possible</span>
        </label>
        <label className="choice">
          <input type="radio" name="when" checked={isLater} onChange={() => { onChange({ when: "later" }); }} />
          <span>A day and time</span>
        </label>
      </div>
      {isClosed && <p className="soft small">We are closed now{slots.data?.opensAt ? ` and open again ${dueText(slots.data.opensAt)}` : ""}. You can order for a day and time.</p>}
      {isLater && (slots.data ? (
        slots.data.days.length === 0 ? <p>{noTime(pieces, slots.data.capacity)}</p> : (
          <>
            <Field label="Day">
              {(wiring) => (
                <select {...wiring} ref={days} className="input" value={slots.data.day ?? ""} onChange={(event) => { setDay(event.target.value); onChange({ pickupAt: "" }); }}>
                  {(isShort ? first : all).map((each) => <option key={each} value={each}>{dayText(each)}</option>)}
                </select>
              )}
            </Field>
            {isShort && <div><Button look="bare" onClick={() => { setWhole(true); days.current?.focus(); }}>Later days</Button></div>}
            <Field label="Time" error={fault}>
              {(wiring) => (
                <select {...wiring} className="input" value={draft.pickupAt} onChange={(event) => { onChange({ pickupAt: event.target.value }); }}>
                  <option value="">Choose a time</option>
                  {choices(slots.data).map(({ at, text, free }) => <option key={at} value={at} disabled={!free}>{text}{free ? "" : " (full)"}</option>)}
                </select>
              )}
            </Field>
            {free.length > 0 && (
              <div className="stack" role="group" aria-labelledby="free-times">
                <p id="free-times">That time has just been taken. These have room:</p>
                <div className="row">
                  {choices({ timezone: slots.data.timezone, slots: free.map((at) => ({ at, free: true })) }).map(({ at, text }) => <Button key={at} onClick={() => { onChange({ pickupAt: at }); }}>{text}</Button>)}
                </div>
              </div>
            )}
          </>
        )
      ) : slots.error ? <Failure error={slots.error} retry={() => void slots.refetch()} /> : <Loading what="the times" />)}
    </section>
  );
}

/** Why there is no time on any day. */
function noTime(pieces: number, capacity: number): string {
  return pieces > capacity
    ? `We can hand out ${capacity} cupcakes at one time, and these are ${pieces}. Order them in parts, each for a time of its own.`
    : "There is no time left that you could choose.";
}

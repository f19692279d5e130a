import { useNavigate } from "@tanstack/react-router";
import { Field } from "../../design/Field";
import { GoTo } from "../../design/GoTo";
import { dayAfter, dayText } from "../../design/time";
import { hrefOf, type Search } from "./search";

interface Props {
  readonly day: string;
  /** The address of the page with another day; without one, with the usual. */
  readonly to: (day: string | undefined) => Search;
  /** The day that is shown if none is chosen, and its name. */
  readonly usual: { readonly day: string; readonly name: string };
}

/** Goes from day to day. */
export function DayPicker({ day, to, usual }: Props) {
  const navigate = useNavigate();
  const searchFor = (chosen: string) => to(chosen === usual.day ? undefined : chosen);
  const step = (days: number, sign: string, name: string) => {
    const other = dayAfter(day, days);
    return <GoTo href={hrefOf(searchFor(other))} className="button button-quiet" aria-label={`${name}: ${dayText(other)}`}>{sign}</GoTo>;
  };
  return (
    <div className="day-picker" role="group" aria-label="Day">
      {step(-1, "‹", "The day before")}
      <Field label={<span className="visually-hidden">Day</span>}>
        {(wiring) => <input {...wiring} className="input" type="date" value={day} onChange={(event) => { if (event.target.value) void navigate({ to: "/history", search: searchFor(event.target.value) }); }} />}
      </Field>
      {step(1, "›", "The day after")}
      {day !== usual.day && <GoTo href={hrefOf(to(undefined))} className="button button-bare">{usual.name}</GoTo>}
    </div>
  );
}

import type { StageCounts } from "../api/schema.gen";
import { stageWords } from "../design/stages";
import { spanText } from "../design/time";
import { useTime } from "../live/hooks";

/** Stations at which tickets wait and nobody takes any: one line for a station, however many wait. */
export function StationAlarms({ stages }: { readonly stages: readonly StageCounts[] }) {
  const alarms = stages.flatMap(({ untakenSince, ...counts }) => (untakenSince === undefined ? [] : [{ ...counts, untakenSince }]));
  if (alarms.length === 0) return null;
  return (
    <ul className="stack alarms" aria-label="Stations where nobody takes tickets">
      {alarms.map((alarm) => <StationAlarm key={alarm.stage} {...alarm} />)}
    </ul>
  );
}

function StationAlarm({ stage, untakenSince, waiting }: StageCounts & { readonly untakenSince: string }) {
  const span = useTime((now) => spanText(now - Date.parse(untakenSince)));
  return (
    <li className="notice notice-bad">
      <span aria-hidden="true">!</span>
      <p className="notice-body"><b>{stageWords[stage].name}</b>: nobody has taken anything for {span}, {waiting} waiting</p>
    </li>
  );
}

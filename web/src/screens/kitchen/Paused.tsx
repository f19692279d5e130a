import { api } from "../../api/client";
import { textOf } from "../../api/problem";
import type { Paused } from "../../api/schema.gen";
import { Button } from "../../design/Button";
import { Notice } from "../../design/feedback";
import { stageWords } from "../../design/stages";
import { timeOfDay } from "../../design/time";
import type { ToastMessage } from "../../design/Toast";

interface Props {
  readonly paused: Paused;
  /** Names the station, where it is not plain which one it is. */
  readonly named?: boolean;
  /** Shows what went wrong; without it the station cannot be let go on from here. */
  readonly notify?: (message: ToastMessage) => void;
}

/** That a station is paused, by whom and why. */
export function PausedNotice({ paused: { stage, by, at, reason }, named = false, notify }: Props) {
  return (
    <Notice look="warn">
      <p>
        <strong>{named ? `${stageWords[stage].name} is paused` : "This station is paused"}</strong> by <span translate="no">{by}</span> since {timeOfDay(at)}
        {reason && <>: <span className="wrap-anywhere" dir="auto">{reason}</span></>}. Nothing can be started; what is in hand can be finished.
      </p>
      {notify && <Button onClick={() => { api.resume(stage).catch((error: unknown) => { notify({ text: textOf(error) }); }); }}>Resume</Button>}
    </Notice>
  );
}

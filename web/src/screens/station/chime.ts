import { keep, load } from "../../storage";

const storageKey = "cupcakery.chime";

export function isChimeOn(): boolean {
  return load(storageKey) === "on";
}

export function keepChime(on: boolean): void {
  keep(storageKey, on ? "on" : "off");
}

let context: AudioContext | undefined;

/** Undefined where there is no sound at all. */
function soundOf(): AudioContext | undefined {
  if (typeof AudioContext === "undefined") return undefined;
  return (context ??= new AudioContext());
}

/** How often a clock of sounds is looked at to see that it goes, in milliseconds, and how many times: a device may need a moment to begin. */
const lookEvery = 250;
const mostLooks = 20;

/**
 * Whether chimes are heard. While they are off, a touch may turn them on. Where even that
 * has changed nothing they are mute: no device plays them, and nobody is asked again.
 */
export type SoundState = "on" | "off" | "mute";

let state: SoundState = "off";
/** Whether somebody has turned sounds on since they were last heard, or stopped by the browser. */
let isTurnedOn = false;
let looks = 0;
const watchers = new Set<() => void>();

/** On too where there are no sounds at all: there is nothing to turn on. */
export function soundState(): SoundState {
  return soundOf() === undefined ? "on" : state;
}

/** Calls back whenever that may have changed. */
export function watchSound(changed: () => void): () => void {
  const sound = soundOf();
  if (!sound) return () => undefined;
  if (watchers.size === 0) {
    sound.addEventListener("statechange", lookAnew);
    look();
  }
  watchers.add(changed);
  return () => {
    watchers.delete(changed);
    if (watchers.size === 0) sound.removeEventListener("statechange", lookAnew);
  };
}

/** From a touch or a key: most browsers want one before they play anything. */
export function turnSoundOn(): void {
  isTurnedOn = true;
  chime();
  look();
}

function lookAnew(): void {
  // What the browser has stopped needs another touch.
  if (soundOf()?.state !== "running") {
    isTurnedOn = false;
    state = "off";
  }
  look();
}

/**
 * A browser may call its sounds running although no device plays them, and then their
 * clock stands still; or it says for ever that it is about to begin.
 */
function look(): void {
  const sound = soundOf();
  if (!sound) return;
  const begun = ++looks;
  const from = sound.currentTime;
  let left = mostLooks;
  const again = () => {
    if (begun !== looks) return;
    if (sound.state === "running" && sound.currentTime > from) {
      isTurnedOn = false;
      tell("on");
      return;
    }
    left--;
    const isMute = state === "mute" || (isTurnedOn && left === 0);
    tell(isMute ? "mute" : "off");
    if (left > 0 && (isTurnedOn || sound.state === "running")) setTimeout(again, lookEvery);
  };
  if (sound.state === "running") setTimeout(again, lookEvery);
  else again();
}

function tell(now: SoundState): void {
  state = now;
  for (const watcher of [...watchers]) watcher();
}

/** Whether a chime waits for the browser to let sounds be played. */
let isWaiting = false;

/**
 * Two short notes. The first call must come from a touch or a key, or browsers stay silent.
 * What stays silent is not caught up on: a screen that nobody has touched all night must
 * not play hundreds of chimes at once in the morning.
 */
export function chime(): void {
  const sound = soundOf();
  if (!sound) return;
  if (sound.state === "running") {
    ring(sound);
    look(); // the device may have gone, or come
    return;
  }
  const isFirst = !isWaiting;
  isWaiting = true;
  sound.resume().then(() => { if (isFirst) ring(sound); }, () => undefined).finally(() => { if (isFirst) isWaiting = false; });
}

function ring(context: AudioContext): void {
  for (const [frequency, after] of [[880, 0], [1175, 0.16]] as const) {
    const tone = context.createOscillator();
    const volume = context.createGain();
    const start = context.currentTime + after;
    tone.frequency.value = frequency;
    volume.gain.setValueAtTime(0.0001, start);
    volume.gain.exponentialRampToValueAtTime(0.25, start + 0.02);
    volume.gain.exponentialRampToValueAtTime(0.0001, start + 0.35);
    tone.connect(volume).connect(context.destination);
    tone.start(start);
    tone.stop(start + 0.4);
  }
}

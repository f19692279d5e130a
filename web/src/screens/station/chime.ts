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

/** How long a clock of sounds must be watched to see that it goes, in milliseconds. */
const watchedFor = 250;

/** Whether sounds were seen to be played. */
let isPlaying = false;
let looks = 0;
const watchers = new Set<() => void>();

/**
 * Whether a chime would be heard, or never can be: most browsers want a touch or a key
 * first. A browser may call its sounds running although no device plays them; then their
 * clock stands still.
 */
export function isSoundOn(): boolean {
  return soundOf() === undefined || isPlaying;
}

/** Calls back whenever that may have changed. */
export function watchSound(changed: () => void): () => void {
  const sound = soundOf();
  if (!sound) return () => undefined;
  if (watchers.size === 0) {
    sound.addEventListener("statechange", look);
    look();
  }
  watchers.add(changed);
  return () => {
    watchers.delete(changed);
    if (watchers.size === 0) sound.removeEventListener("statechange", look);
  };
}

function look(): void {
  const sound = soundOf();
  if (!sound) return;
  const begun = ++looks;
  if (sound.state !== "running") {
    tell(false);
    return;
  }
  const from = sound.currentTime;
  setTimeout(() => {
    if (begun === looks) tell(sound.currentTime > from);
  }, watchedFor);
}

function tell(playing: boolean): void {
  isPlaying = playing;
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
    look(); // the device may have gone
    return;
  }
  const resumed = sound.resume();
  if (isWaiting) return;
  isWaiting = true;
  resumed.then(() => { ring(sound); }, () => undefined).finally(() => { isWaiting = false; });
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

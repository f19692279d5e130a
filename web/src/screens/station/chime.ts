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

/** Whether a chime would be heard, or never can be: most browsers want a touch or a key first. */
export function isSoundOn(): boolean {
  const sound = soundOf();
  return sound === undefined || sound.state === "running";
}

/** Calls back whenever that may have changed. */
export function watchSound(changed: () => void): () => void {
  const sound = soundOf();
  sound?.addEventListener("statechange", changed);
  return () => { sound?.removeEventListener("statechange", changed); };
}

/** Two short notes. The first call must come from a touch or a key, or browsers stay silent. */
export function chime(): void {
  const context = soundOf();
  if (!context) return;
  void context.resume();
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

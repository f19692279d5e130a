import { afterEach, beforeEach, expect, test, vi } from "vitest";

/** A browser's sounds, which a touch lets be played, if a device plays them at all. */
class Sounds extends EventTarget {
  state: "suspended" | "running" = "suspended";
  tones = 0;
  currentTime = 0;
  readonly destination = {};
  readonly #asked: (() => void)[] = [];

  resume(): Promise<void> {
    return this.state === "running" ? Promise.resolve() : new Promise((resolve) => { this.#asked.push(resolve); });
  }

  async touch(): Promise<void> {
    this.state = "running";
    this.dispatchEvent(new Event("statechange"));
    for (const resolve of this.#asked.splice(0)) resolve();
    await Promise.resolve();
  }

  /** Time goes by, and the device plays or not. */
  pass(isPlaying: boolean): void {
    if (isPlaying) this.currentTime += 1;
    vi.advanceTimersByTime(1_000);
  }

  createGain() {
    const gain = { setValueAtTime: () => undefined, exponentialRampToValueAtTime: () => undefined };
    return { gain, connect: (next: unknown) => next };
  }

  createOscillator() {
    this.tones++;
    return { frequency: {}, connect: (next: unknown) => next, start: () => undefined, stop: () => undefined };
  }
}

let sounds: Sounds;
let sound: typeof import("./chime");

beforeEach(async () => {
  vi.useFakeTimers();
  vi.resetModules(); // a page has one context for as long as it is open
  sounds = new Sounds();
  vi.stubGlobal("AudioContext", function () { return sounds; });
  sound = await import("./chime");
});

afterEach(() => {
  vi.useRealTimers();
  vi.unstubAllGlobals();
});

test("sound is on once it was seen to be played, and off again when the device has gone", async () => {
  const changed = vi.fn();
  const leave = sound.watchSound(changed);
  expect(sound.isSoundOn()).toBe(false);
  await sounds.touch();
  expect(sound.isSoundOn(), "the browser says so, but nothing was played").toBe(false);
  sounds.pass(false);
  expect(sound.isSoundOn(), "no device plays it").toBe(false);
  sound.chime();
  sounds.pass(true);
  expect(sound.isSoundOn()).toBe(true);
  expect(changed).toHaveBeenCalled();
  sound.chime();
  sounds.pass(false);
  expect(sound.isSoundOn()).toBe(false);
  leave();
});

test("a page that nobody has touched catches up on one chime, however many there were", async () => {
  sound.chime();
  const ofOne = 2;
  for (let i = 0; i < 20; i++) sound.chime();
  expect(sounds.tones, "nobody would hear them").toBe(0);
  await sounds.touch();
  expect(sounds.tones).toBe(ofOne);
  sound.chime();
  expect(sounds.tones).toBe(2 * ofOne);
});

test("where there is no sound at all, nobody is asked to turn it on", () => {
  vi.stubGlobal("AudioContext", undefined);
  expect(sound.isSoundOn()).toBe(true);
  expect(() => { sound.chime(); }).not.toThrow();
});

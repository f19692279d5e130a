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

  /** The browser stops them, as it does for a call. */
  stop(): void {
    this.state = "suspended";
    this.dispatchEvent(new Event("statechange"));
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
  expect(sound.soundState()).toBe("off");
  await sounds.touch();
  expect(sound.soundState(), "the browser says so, but nothing was played").toBe("off");
  sounds.pass(false);
  expect(sound.soundState(), "no device plays it").toBe("off");
  sound.chime();
  sounds.pass(true);
  expect(sound.soundState()).toBe("on");
  expect(changed).toHaveBeenCalled();
  sound.chime();
  sounds.pass(false);
  expect(sound.soundState()).toBe("off");
  leave();
});

test("a device that begins late is heard without another touch", async () => {
  sound.watchSound(() => undefined);
  sound.turnSoundOn();
  await sounds.touch();
  for (let i = 0; i < 3; i++) sounds.pass(false);
  expect(sound.soundState()).toBe("off");
  sounds.pass(true);
  expect(sound.soundState()).toBe("on");
});

test.each([
  ["says that they run", true],
  ["never lets them run", false],
])("nobody is asked for ever where no device plays sounds and the browser %s", async (_, isRunning) => {
  sound.watchSound(() => undefined);
  for (let i = 0; i < 10; i++) sounds.pass(false);
  expect(sound.soundState(), "nobody has tried yet").toBe("off");
  sound.turnSoundOn();
  if (isRunning) await sounds.touch();
  for (let i = 0; i < 10; i++) sounds.pass(false);
  expect(sound.soundState()).toBe("mute");
  sound.chime();
  sounds.pass(false);
  expect(sound.soundState(), "the next order changes nothing").toBe("mute");
  // Somebody plugs in a device: the next chime is heard.
  if (!isRunning) await sounds.touch();
  sound.chime();
  sounds.pass(true);
  expect(sound.soundState()).toBe("on");
  sounds.stop();
  expect(sound.soundState(), "a touch would help again").toBe("off");
  for (let i = 0; i < 10; i++) sounds.pass(false);
  expect(sound.soundState()).toBe("off");
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
  expect(sound.soundState()).toBe("on");
  expect(() => { sound.chime(); }).not.toThrow();
});

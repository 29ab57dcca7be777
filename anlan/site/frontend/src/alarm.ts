/**
 * A sound for what has just come: `data-alarm` is the button by which a person switches it on or off, for this browser;
 * each `data-alarm-key` on the page is something that sounds when it was not there before.
 */
import { behaviour } from "./behaviour";
import { say } from "./words";

const KEPT = "anlan-alarm";
let sounding: AudioContext | undefined;

function keys(): Set<string> {
  return new Set([...document.querySelectorAll<HTMLElement>("[data-alarm-key]")].map((e) => e.dataset["alarmKey"] ?? ""));
}

/** Three short tones, rising: heard across a room, and no speech to be misheard. */
function sound(): void {
  if (!sounding || sounding.state !== "running") return;
  for (const [place, pitch] of [660, 880, 1100].entries()) {
    const tone = sounding.createOscillator();
    const loud = sounding.createGain();
    const at = sounding.currentTime + place * 0.22;
    tone.frequency.value = pitch;
    loud.gain.setValueAtTime(0.25, at);
    loud.gain.exponentialRampToValueAtTime(0.001, at + 0.2);
    tone.connect(loud).connect(sounding.destination);
    tone.start(at);
    tone.stop(at + 0.2);
  }
  document.body.dataset["alarmed"] = String(Number(document.body.dataset["alarmed"] ?? 0) + 1);
}

behaviour("[data-alarm]", (button) => {
  let known = keys();
  const words = button.querySelector("span") ?? button;
  const show = (on: boolean): void => {
    button.setAttribute("aria-pressed", String(on));
    words.textContent = say(on ? "sound_on" : "sound_off");
  };
  const start = (): void => {
    sounding ??= new AudioContext();
    void sounding.resume();
  };
  const on = (): boolean => localStorage.getItem(KEPT) === "on";
  button.addEventListener("click", () => {
    localStorage.setItem(KEPT, on() ? "off" : "on");
    if (on()) start();
    show(on());
  });
  // A browser lets a page sound only once it was touched: whoever switched it on before need only click anywhere.
  if (on()) document.addEventListener("pointerdown", start, { once: true });
  show(on());
  document.addEventListener("htmx:afterSettle", () => {
    const now = keys();
    if (on() && [...now].some((key) => !known.has(key))) sound();
    known = now;
  });
});

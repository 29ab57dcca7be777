/**
 * Clocks that run: `data-countdown` is the moment when a time is over, `data-since` the one from which it counts up.
 *
 * Both go by the installation's own time, which `data-now` says; the demonstration city lives in 2013.
 */
import { behaviour } from "./behaviour";
import { say } from "./words";

function span(seconds: number): string {
  const s = Math.max(0, Math.floor(seconds));
  const two = (n: number): string => String(n).padStart(2, "0");
  const [days, hours, minutes] = [Math.floor(s / 86400), Math.floor(s / 3600) % 24, Math.floor(s / 60) % 60];
  if (!hours && !days) return say("minutes_and", { minutes, seconds: two(s % 60) });
  const clock = `${hours}:${two(minutes)}:${two(s % 60)}`;
  return days ? say("days_and", { days, clock }) : clock;
}

function run(element: HTMLElement, show: (now: number) => void): void {
  const base = new Date(element.dataset["now"] ?? "").getTime();
  const begun = performance.now();
  const tick = (): void => {
    show((base + performance.now() - begun) / 1000);
    if (element.isConnected) setTimeout(tick, 1000 - ((performance.now() - begun) % 1000));
  };
  tick();
}

behaviour("[data-countdown]", (element) => {
  const due = new Date(element.dataset["countdown"] ?? "").getTime() / 1000;
  element.title = element.textContent?.trim() ?? "";
  run(element, (now) => {
    const over = now > due;
    element.textContent = say(over ? "over_by" : "left", { time: span(Math.abs(due - now)) });
    element.classList.toggle("is-over", over);
    element.classList.toggle("is-near", !over && due - now < 1800);
  });
});

behaviour("[data-since]", (element) => {
  const since = new Date(element.dataset["since"] ?? "").getTime() / 1000;
  run(element, (now) => {
    element.textContent = span(now - since);
  });
});

behaviour("form[data-send-on-ctrl-enter]", (element) => {
  element.addEventListener("keydown", (event) => {
    if (event.key === "Enter" && (event.ctrlKey || event.metaKey)) {
      event.preventDefault();
      (element as HTMLFormElement).requestSubmit();
    }
  });
});

/**
 * Live things: one stream of server-sent events for the page.
 *
 * Each event is named by its topic and says when it happened. Elements with `data-live-count="topic"` take the number in
 * `count`; an event with `text` is shown; `data-live-reload="topic"` re-reads its part of the page, at most once in
 * `data-live-rest` seconds, and once more after that if anything happened meanwhile.
 */
import htmx from "htmx.org";
import { toast } from "./toasts";
import { say } from "./words";

interface Live {
  at?: string;
  text?: string;
  url?: string;
  count?: number;
  critical?: boolean;
}

let source: EventSource | undefined;
let told = false;
let pause = 2000;
let lost = false;
let again: ReturnType<typeof setTimeout> | undefined;
const waiting = new WeakSet<HTMLElement>();
const queued = new WeakSet<HTMLElement>();
const read = new WeakMap<HTMLElement, number>();

function reload(place: HTMLElement): void {
  if (queued.has(place)) return;
  queued.add(place);
  const rest = Number(place.dataset["liveRest"] ?? 0) * 1000;
  setTimeout(() => {
    queued.delete(place);
    if (place.isConnected) exchange(place);
  }, Math.max(0, (read.get(place) ?? 0) + rest - Date.now()));
}

function exchange(place: HTMLElement): void {
  // What is being read with the keyboard is not exchanged under the reader's hands, but as soon as he leaves it.
  if (!place.contains(document.activeElement)) {
    read.set(place, Date.now());
    htmx.trigger(place, "live");
  } else if (!waiting.has(place)) {
    waiting.add(place);
    const left = (at: FocusEvent): void => {
      if (place.contains(at.relatedTarget as Node | null)) return;
      place.removeEventListener("focusout", left);
      waiting.delete(place);
      reload(place);
    };
    place.addEventListener("focusout", left);
  }
}

function hear(event: MessageEvent<string>): void {
  const live = JSON.parse(event.data) as Live;
  for (const place of document.querySelectorAll<HTMLElement>("[data-live-count]")) {
    if (place.dataset["liveCount"] !== event.type || live.count === undefined) continue;
    place.textContent = String(live.count);
    place.hidden = live.count === 0;
  }
  for (const place of document.querySelectorAll<HTMLElement>("[data-live-reload]")) {
    if (place.dataset["liveReload"] === event.type) reload(place);
  }
  if (live.text) toast({ text: live.text, url: live.url, at: live.at, critical: live.critical ?? false });
}

/** The topics this page shows: those of its marked elements and those its body names. */
function topics(): Set<string> {
  const marked = [...document.querySelectorAll<HTMLElement>("[data-live-count], [data-live-reload]")];
  const named = marked.flatMap((place) => [place.dataset["liveCount"], place.dataset["liveReload"]]);
  return new Set([...(document.body.dataset["liveTopics"] ?? "").split(" "), ...named].filter((t): t is string => !!t));
}

function connect(url: string): void {
  clearTimeout(again);
  source?.close();
  if (document.hidden) return;
  const own = (source = new EventSource(url));
  for (const topic of topics()) own.addEventListener(topic, hear);
  own.addEventListener("open", () => {
    pause = 2000;
    // What happened while nobody listened is not told again: the page reads anew what it shows.
    // Not all readers at one moment: after a restart they are many.
    if (lost)
      for (const place of document.querySelectorAll<HTMLElement>("[data-live-reload]"))
        setTimeout(reload, Math.random() * 5000, place);
    lost = false;
    if (told) toast({ text: say("live_again") });
    told = false;
  });
  own.addEventListener("error", () => {
    lost = true;
    if (own.readyState !== EventSource.CLOSED || own !== source) return;
    // The browser gave up (an error answer): try again, ever more slowly, and say so once it is long.
    pause = Math.min(pause * 2, 60000);
    if (pause > 16000 && !told && navigator.onLine) {
      told = true;
      toast({ text: say("live_lost") });
    }
    again = setTimeout(() => connect(url), pause);
  });
}

const url = document.body.dataset["live"];
if (url) {
  // After the page itself is there, and not while nobody looks: a hidden page keeps no connection.
  const follow = (): void => {
    if (document.hidden) {
      source?.close();
      lost = source !== undefined;
    } else if (!source || source.readyState === EventSource.CLOSED) connect(url);
  };
  window.addEventListener("load", follow);
  document.addEventListener("visibilitychange", follow);
  window.addEventListener("pagehide", () => source?.close());
}

/**
 * Where a vehicle or ship was, played again: its way on the map, where it is at the moment of the slider, how fast.
 *
 * Where it told no place for more than five minutes nothing is drawn between: nobody knows what lies there.
 */
import { type GeoJSONSource, LngLatBounds, type Map as Chart } from "maplibre-gl";
import { colour } from "./colours";
import { drawable, ground } from "./ground";
import { marks } from "./marks";

interface Track {
  ts: number[];
  lat: number[];
  lon: number[];
  speed: (number | null)[];
}

const silent = 5 * 60_000;
const levels = ["blue", "yellow", "orange", "red"];
const stamp = new Intl.DateTimeFormat(document.documentElement.lang, { month: "2-digit", day: "2-digit", hour: "2-digit", minute: "2-digit", second: "2-digit", hour12: false, timeZone: "Asia/Shanghai" });

/** Kilometres between two places. */
function apart(track: Track, a: number, b: number): number {
  const r = Math.PI / 180;
  const [lat1, lat2] = [(track.lat[a] ?? 0) * r, (track.lat[b] ?? 0) * r];
  const h = Math.sin((lat2 - lat1) / 2) ** 2 + Math.cos(lat1) * Math.cos(lat2) * Math.sin((((track.lon[b] ?? 0) - (track.lon[a] ?? 0)) * r) / 2) ** 2;
  return 2 * 6371 * Math.asin(Math.min(1, Math.sqrt(h)));
}

/** The way in parts, between which it was silent. */
function parts(track: Track): number[][] {
  const found: number[][] = [];
  track.ts.forEach((at, n) => {
    if (!n || at - (track.ts[n - 1] ?? 0) > silent) found.push([]);
    found[found.length - 1]?.push(n);
  });
  return found;
}

/** The last place told up to a moment; -1 before the first. */
function before(track: Track, at: number): number {
  let [low, high] = [0, track.ts.length];
  while (low < high) {
    const middle = (low + high) >> 1;
    if ((track.ts[middle] ?? 0) <= at) low = middle + 1;
    else high = middle;
  }
  return low - 1;
}

const place = (track: Track, n: number): [number, number] => [track.lon[n] ?? 0, track.lat[n] ?? 0];
const point = (at: [number, number], properties: Record<string, string> = {}) => ({ type: "Feature" as const, geometry: { type: "Point" as const, coordinates: at }, properties });

export async function draw(card: HTMLElement): Promise<void> {
  const find = <T extends HTMLElement>(name: string): T | null => card.querySelector<T>(`[data-${name}]`);
  const [map, words, player, slider, told, play, pace] = [find("track-map"), find("track-words"), card.querySelector<HTMLElement>(".track-player"), find<HTMLInputElement>("at"), find("moment"), find("play"), find<HTMLSelectElement>("pace")];
  if (!map || !words || !player || !slider || !told || !play || !pace) return;
  let track: Track;
  try {
    const answer = await fetch(`${card.dataset["track"] ?? ""}?from=${card.dataset["from"] ?? ""}&to=${card.dataset["to"] ?? ""}`, { signal: AbortSignal.timeout(30_000) });
    if (!answer.ok) throw new Error(String(answer.status));
    track = (await answer.json()) as Track;
  } catch {
    words.textContent = card.dataset["wordsFailed"] ?? "";
    return;
  }
  const ways = parts(track);
  const count = track.ts.length;
  if (count) {
    const km = ways.reduce((sum, way) => sum + way.slice(1).reduce((own, n, k) => own + apart(track, way[k] ?? n, n), 0), 0);
    const fastest = Math.max(0, ...track.speed.map((speed) => speed ?? 0));
    const said: Record<string, string> = { points: count.toLocaleString(), km: km.toFixed(1), speed: fastest.toFixed(0), gaps: String(ways.length - 1) };
    words.textContent = (card.dataset["wordsSum"] ?? "").replace(/\{(\w+)\}/g, (whole, name: string) => said[name] ?? whole);
  } else words.textContent = card.dataset["wordsNone"] ?? "";

  let chart: Chart | undefined;
  if (drawable()) {
    const box = count ? track.ts.reduce((found, _at, n) => found.extend(place(track, n)), new LngLatBounds(place(track, 0), place(track, 0))) : undefined;
    ({ chart } = await ground(map, { maxZoom: 17, locale: { "Map.Title": map.dataset["label"] ?? "" }, ...(box ? { bounds: box, fitBoundsOptions: { padding: 48, maxZoom: 14 } } : {}) }));
    const own = chart;
    marks(own);
    own.on("load", () => {
      const lines = ways.map((way) => ({ type: "Feature" as const, geometry: { type: "LineString" as const, coordinates: way.length > 1 ? way.map((n) => place(track, n)) : [place(track, way[0] ?? 0), place(track, way[0] ?? 0)] }, properties: {} }));
      own.addSource("way", { type: "geojson", data: { type: "FeatureCollection", features: lines } });
      own.addLayer({ id: "way", type: "line", source: "way", layout: { "line-join": "round", "line-cap": "round" }, paint: { "line-color": colour("water"), "line-width": 3 } });
      const warned = [...document.querySelectorAll<HTMLElement>("[data-warning]")].flatMap((row) => {
        const n = before(track, Number(row.dataset["warning"]));
        return n < 0 ? [] : [point(place(track, n), { mark: `warn:${levels.indexOf(row.dataset["level"] ?? "") + 1}:${row.dataset["word"] ?? ""}:1` })];
      });
      own.addSource("warned", { type: "geojson", data: { type: "FeatureCollection", features: warned } });
      own.addSource("here", { type: "geojson", data: { type: "FeatureCollection", features: [] } });
      for (const name of ["warned", "here"])
        own.addLayer({ id: name, type: "symbol", source: name, layout: { "icon-image": name === "here" ? "here" : ["get", "mark"], "icon-allow-overlap": true, "icon-ignore-placement": true } });
      if (count) tell();
    });
  } else {
    map.hidden = true;
    const note = find("undrawable");
    if (note) note.hidden = false;
  }
  if (!count) return;

  const [first, end] = [track.ts[0] ?? 0, track.ts[count - 1] ?? 0];
  let at = first;
  const tell = (): void => {
    const n = Math.max(0, before(track, at));
    const gone = at - (track.ts[n] ?? 0) > silent;
    const speed = track.speed[n];
    const fast = gone ? (card.dataset["wordsSilent"] ?? "") : speed === null || speed === undefined ? "" : (card.dataset["wordsSpeed"] ?? "").replace("{speed}", speed.toFixed(0));
    told.textContent = [stamp.format(at), fast].filter(Boolean).join(" · ");
    told.dataset["at"] = String(at);
    slider.value = String(end > first ? Math.round((1000 * (at - first)) / (end - first)) : 0);
    slider.setAttribute("aria-valuetext", told.textContent);
    chart?.getSource<GeoJSONSource>("here")?.setData({ type: "FeatureCollection", features: gone ? [] : [point(place(track, n))] });
  };
  player.hidden = false;
  slider.addEventListener("input", () => {
    at = first + ((end - first) * Number(slider.value)) / 1000;
    tell();
  });
  let running = 0;
  const stop = (): void => {
    cancelAnimationFrame(running);
    running = 0;
    play.setAttribute("aria-pressed", "false");
  };
  play.addEventListener("click", () => {
    if (running) return stop();
    if (at >= end) at = first;
    play.setAttribute("aria-pressed", "true");
    let shown = performance.now();
    const step = (now: number): void => {
      at = Math.min(end, at + (now - shown) * Number(pace.value));
      shown = now;
      tell();
      if (at >= end) stop();
      else running = requestAnimationFrame(step);
    };
    running = requestAnimationFrame(step);
  });
  tell();
  card.dataset["ready"] = "";
}

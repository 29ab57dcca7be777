/** One place on the map of districts: see `place.ts`. */
import { type LngLatLike, type Map as Chart, Marker } from "maplibre-gl";
import { make } from "./dom";
import { drawable, ground } from "./ground";

const near = 8.5;

/** Draws the map into its place, with the mark where the place is. */
export async function show(place: HTMLElement): Promise<void> {
  if (!drawable()) {
    (place.closest<HTMLElement>("details, [data-place-card]") ?? place).hidden = true;
    return;
  }
  const fields = ["lon", "lat"].map((name) => document.getElementById(place.dataset[name] ?? "") as HTMLInputElement | null);
  const [lon, lat] = fields;
  const { chart } = await ground(place, { locale: { "Map.Title": place.dataset["label"] ?? "" } });
  const mark = new Marker({ element: make("span", { class: "place-mark", "aria-hidden": "true" }) });
  if (!lon || !lat) {
    const at = (place.dataset["at"] ?? "").split(",").map(Number) as [number, number];
    if (Math.abs(at[1]) > 90) return; // no such place: a record of before points where no map reaches
    chart.jumpTo({ center: at, zoom: near });
    mark.setLngLat(at).addTo(chart);
    return;
  }
  const put = (at: [number, number] | null): void => void (at ? mark.setLngLat(at).addTo(chart) : mark.remove());
  const written = (): [number, number] | null =>
    lon.value && lat.value && lon.validity.valid && lat.validity.valid && Math.abs(Number(lat.value)) <= 90 ? [Number(lon.value), Number(lat.value)] : null;
  const at = written();
  put(at);
  if (at) chart.jumpTo({ center: at, zoom: near });
  for (const field of [lon, lat]) field.addEventListener("change", () => put(written()));
  const take = ({ lng, lat: up }: { lng: number; lat: number }): void => {
    [lon.value, lat.value] = [lng.toFixed(6), up.toFixed(6)];
    for (const field of [lon, lat]) field.dispatchEvent(new Event("change", { bubbles: true }));
    const said = place.parentElement?.querySelector("[data-place-said]");
    if (said) said.textContent = `${lon.value}, ${lat.value} ${district(chart, [lng, up])}`;
  };
  chart.getCanvas().style.setProperty("cursor", "crosshair");
  chart.on("click", (event) => take(event.lngLat));
  // With the keyboard the map is moved under the cross in its middle, and Enter takes what lies there.
  chart.getCanvas().addEventListener("keydown", (event) => {
    if (event.key !== "Enter") return;
    event.preventDefault();
    take(chart.getCenter());
  });
}

/** The name of the district there, empty beyond them all. */
function district(chart: Chart, at: LngLatLike): string {
  if (!chart.getLayer("areas")) return "";
  const [found] = chart.queryRenderedFeatures(chart.project(at), { layers: ["areas"] });
  return String(found?.properties["name"] ?? "");
}

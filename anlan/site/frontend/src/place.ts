/**
 * A place on the map: shown on a record's page, picked on a form. The map itself comes only when it is to be seen.
 *
 * `<div data-place-map data-at="lon,lat">` shows; `<details hidden><div data-place-map data-lon="ID" data-lat="ID">`
 * picks for two fields that can be filled in as well without it.
 */
import { behaviour } from "./behaviour";

behaviour("[data-place-map]", (place) => {
  const draw = (): void => void import("./spot").then(({ show }) => show(place));
  const box = place.closest("details");
  if (!box) return draw();
  box.hidden = false;
  box.addEventListener("toggle", draw, { once: true });
});

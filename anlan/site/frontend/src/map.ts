/**
 * The map of districts: shapes shaded by the table beside it.
 *
 * `<div data-map data-table="ID">` and what `ground.ts` reads; rows of the table carry `data-code` (the division's first six
 * digits), `data-shade` (0 to 5) and a link. Pointing at a row marks its district and the other way round; a click opens the link.
 */
import type { ExpressionSpecification, Map as Chart } from "maplibre-gl";
import { colour } from "./colours";
import { drawable, ground, type Label } from "./ground";
import { onPicture, save, sheet } from "./pictures";

interface Row {
  code: number;
  shade: number;
  href: string | undefined;
  element: HTMLTableRowElement;
}

const steps = 5;
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
  if (!drawable()) {
    place.hidden = true;
    return;
  }
  const table = (): HTMLElement | null => document.getElementById(place.dataset["table"] ?? "");
  let found = rows(table());
  let by = new Map(found.map((row) => [row.code, row]));
  const { chart, labels } = await ground(place);
  chart.on("load", () => chart.setPaintProperty("areas", "fill-color", fill(found)));
  const room = new ResizeObserver(() => {
    // On a wall boards take turns for months: a map that has left the page gives its graphics back.
    if (place.isConnected) return;
    room.disconnect();
    chart.remove();
  });
  room.observe(place);
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

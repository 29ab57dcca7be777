/**
 * What stands for things on a map, drawn when it is first asked for: `online`, `silent`, `suspect`, `never` for devices,
 * `many:12:3:0` for a cluster (how many, and how many tenths of them say nothing and are suspect), `warn:3:橙:2` for warnings (level from 1
 * to 4, the word of the level, how many), `here` for a vehicle.
 *
 * Shapes are those that levels and states have in words too: colour is never alone.
 */
import type { Map as Chart } from "maplibre-gl";
import { colour } from "./colours";

type Paper = CanvasRenderingContext2D;
const levels = ["blue", "yellow", "orange", "red"];

/** A number in four signs at most. */
function short(count: number): string {
  return count < 1000 ? String(count) : count < 10000 ? `${(Math.floor(count / 100) / 10).toFixed(1)}k` : `${Math.floor(count / 1000)}k`;
}

function corners(paper: Paper, points: [number, number][], size: number): void {
  paper.beginPath();
  for (const [x, y] of points) paper.lineTo(x * size, y * size);
  paper.closePath();
}

/** The path of a level's shape in a square: circle, triangle, diamond, octagon. */
function shape(paper: Paper, level: number, size: number): void {
  if (level === 1) {
    paper.beginPath();
    paper.arc(size / 2, size / 2, size * 0.44, 0, 7);
  } else if (level === 2) corners(paper, [[0.5, 0.04], [0.98, 0.92], [0.02, 0.92]], size);
  else if (level === 3) corners(paper, [[0.5, 0.02], [0.98, 0.5], [0.5, 0.98], [0.02, 0.5]], size);
  else corners(paper, [[0.3, 0.05], [0.7, 0.05], [0.95, 0.3], [0.95, 0.7], [0.7, 0.95], [0.3, 0.95], [0.05, 0.7], [0.05, 0.3]], size);
}

function words(paper: Paper, text: string, x: number, y: number, size: number, ink: string): void {
  paper.font = `600 ${size}px ${getComputedStyle(document.body).fontFamily}`;
  [paper.textAlign, paper.textBaseline, paper.fillStyle] = ["center", "middle", ink];
  paper.fillText(text, x, y);
}

function outline(paper: Paper, fill: string, width = 1.5): void {
  paper.fillStyle = fill;
  paper.fill();
  [paper.strokeStyle, paper.lineWidth] = [colour("surface"), width];
  paper.stroke();
}

const drawn: Record<string, (paper: Paper, size: number, parts: string[]) => void> = {
  online: (paper, size) => {
    paper.beginPath();
    paper.arc(size / 2, size / 2, size * 0.38, 0, 7);
    outline(paper, colour("water"));
  },
  silent: (paper, size) => {
    paper.beginPath();
    paper.arc(size / 2, size / 2, size * 0.34, 0, 7);
    paper.fillStyle = colour("surface");
    paper.fill();
    [paper.strokeStyle, paper.lineWidth] = [colour("ink-soft"), size * 0.14];
    paper.stroke();
  },
  never: (paper, size) => {
    paper.setLineDash([size * 0.14, size * 0.1]);
    drawn["silent"]?.(paper, size, []);
    paper.setLineDash([]);
  },
  suspect: (paper, size) => {
    paper.beginPath();
    paper.rect(size * 0.12, size * 0.12, size * 0.76, size * 0.76);
    outline(paper, colour("umber"));
    words(paper, "?", size / 2, size * 0.54, size * 0.7, colour("surface"));
  },
  many: (paper, size, [count, silent, suspect]) => {
    paper.beginPath();
    paper.arc(size / 2, size / 2, size * 0.42, 0, 7);
    outline(paper, colour("surface"), 1);
    // The ring says in tenths how many say nothing (thin), suspect (umber) and online.
    let from = -Math.PI / 2;
    for (const [tenths, ink, thick] of [[Number(silent), "ink-soft", 1.5], [Number(suspect), "umber", 4], [10 - Number(silent) - Number(suspect), "water", 4]] as const) {
      if (tenths <= 0) continue;
      paper.beginPath();
      paper.arc(size / 2, size / 2, size * 0.42, from, from + (tenths * Math.PI) / 5);
      [paper.strokeStyle, paper.lineWidth] = [colour(ink), thick];
      paper.stroke();
      from += (tenths * Math.PI) / 5;
    }
    words(paper, short(Number(count)), size / 2, size * 0.53, Math.max(10, size * 0.3), colour("ink"));
  },
  warn: (paper, size, [level, word, count]) => {
    shape(paper, Number(level), size);
    outline(paper, colour(`level-${levels[Number(level) - 1] ?? "blue"}`));
    const light = document.documentElement.dataset["bsTheme"] !== "dark" && Number(level) % 3 === 1;
    const ink = light ? "#fff" : "#10191c";
    const middle = Number(level) === 2 ? 0.64 : 0.53;
    words(paper, word ?? "", size / 2, size * middle, size * 0.42, ink);
    if (Number(count) > 1) {
      paper.beginPath();
      paper.arc(size * 0.84, size * 0.16, size * 0.25, 0, 7);
      outline(paper, colour("ink"), 1);
      words(paper, short(Number(count)), size * 0.84, size * 0.18, size * (Number(count) > 99 ? 0.2 : 0.28), colour("surface"));
    }
  },
  here: (paper, size) => {
    paper.beginPath();
    paper.arc(size / 2, size / 2, size * 0.4, 0, 7);
    outline(paper, colour("plum"), 3);
  },
};

/** Points wide; a wall is read from far. */
function width(kind: string, count: number): number {
  const base = kind === "many" ? Math.min(52, 22 + 6 * Math.log10(count) + 4) : kind === "warn" ? 26 : kind === "here" ? 20 : 14;
  return Math.round(base * (document.body.classList.contains("wall") ? Math.max(1.2, innerWidth / 2000) : 1));
}

/** Draws what the map's layers ask for by `icon-image`. */
export function marks(chart: Chart): void {
  chart.setMissingStyleImageResolver((id) => {
    const [kind = "", ...parts] = id.split(":");
    const size = width(kind, Number(parts[0] ?? 1));
    const ratio = Math.max(2, devicePixelRatio);
    const canvas = document.createElement("canvas");
    canvas.width = canvas.height = size * ratio;
    const paper = canvas.getContext("2d");
    if (paper && drawn[kind]) {
      paper.scale(ratio, ratio);
      drawn[kind](paper, size, parts);
      chart.addImage(id, paper.getImageData(0, 0, canvas.width, canvas.height), { pixelRatio: ratio });
    }
    return Promise.resolve();
  });
}

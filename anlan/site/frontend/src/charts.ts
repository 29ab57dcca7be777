/**
 * Charts drawn from the tables beside them.
 *
 * `<figure data-chart="line|bar">` holds a table whose first column names the points and whose other columns are series;
 * `data-value` on a cell is its number, a link in it opens the records. The table is what is true: whoever cannot see the
 * drawing, has no script or prints the page reads it. Canvas and rich text, because the content-security policy allows no
 * style in markup.
 */
import { BarChart, LineChart } from "echarts/charts";
import { GridComponent, LegendComponent, TooltipComponent } from "echarts/components";
import { type EChartsCoreOption, init, use } from "echarts/core";
import { CanvasRenderer } from "echarts/renderers";
import { behaviour } from "./behaviour";
import { colour } from "./colours";
import { onPicture, save } from "./pictures";

use([BarChart, LineChart, GridComponent, LegendComponent, TooltipComponent, CanvasRenderer]);

interface Series {
  name: string;
  dashed: boolean;
  values: (number | null)[];
  links: (string | undefined)[];
}

interface Data {
  labels: string[];
  series: Series[];
  unit: string;
}

/** What the figure's table says. */
function read(figure: HTMLElement): Data {
  const heads = [...figure.querySelectorAll<HTMLElement>("thead th")].slice(1).filter((head) => head.dataset["undrawn"] === undefined);
  const rows = [...figure.querySelectorAll<HTMLTableRowElement>("tbody tr")];
  const cell = (row: HTMLTableRowElement, column: number): HTMLElement | undefined => row.cells[column + 1];
  return {
    unit: figure.dataset["unit"] ?? "",
    labels: rows.map((row) => row.cells[0]?.textContent?.trim() ?? ""),
    series: heads.map((head, column) => ({
      name: head.textContent?.trim() ?? "",
      dashed: head.dataset["dashed"] !== undefined,
      values: rows.map((row) => {
        const text = cell(row, column)?.dataset["value"];
        return text ? Number(text) : null;
      }),
      links: rows.map((row) => cell(row, column)?.querySelector("a")?.href),
    })),
  };
}

const inks = ["water", "umber", "plum"];

/** `height` is that of the canvas: names and steps of the scale take no more room than there is. */
function option(kind: string, data: Data, height: number): EChartsCoreOption {
  const ink = colour("ink");
  const soft = colour("ink-soft");
  const font = getComputedStyle(document.body).fontFamily;
  const lying = kind === "bar";
  const wall = document.body.classList.contains("wall");
  const size = wall ? 0.95 * parseFloat(getComputedStyle(document.body).fontSize) : 12;
  const top = data.series.length > 1 ? 24 + size : 12;
  const room = Math.max(0, height - top - 2 * size);
  const each = lying ? Math.min(size, (0.9 * room) / Math.max(1, data.labels.length)) : size;
  const names = { type: "category", data: data.labels, axisTick: { show: false }, axisLine: { lineStyle: { color: colour("line") } }, axisLabel: { color: soft, fontSize: each, interval: lying ? 0 : "auto" } };
  const steps = lying ? 5 : Math.min(5, Math.max(1, Math.floor(room / (2.5 * size))));
  const numbers = { type: "value", minInterval: 1, splitNumber: steps, splitLine: { lineStyle: { color: colour("line") } }, axisLabel: { color: soft, fontSize: size, hideOverlap: true } };
  const drawn = data.series.filter((series) => !series.dashed);
  return {
    animation: !matchMedia("(prefers-reduced-motion: reduce)").matches,
    textStyle: { fontFamily: font, color: ink },
    grid: { left: 8, right: 16, top, bottom: 4, containLabel: true },
    legend: { show: data.series.length > 1, top: 0, left: 0, icon: "roundRect", itemWidth: 14, itemHeight: 3, textStyle: { color: ink, fontSize: size } },
    tooltip: {
      trigger: "axis",
      renderMode: "richText",
      backgroundColor: colour("surface"),
      borderColor: colour("line"),
      textStyle: { color: ink, fontFamily: font, fontSize: size },
      valueFormatter: (value: unknown) => (value === null || value === undefined ? "–" : `${Number(value).toLocaleString()} ${data.unit}`),
    },
    xAxis: lying ? numbers : { ...names, boundaryGap: false },
    yAxis: lying ? { ...names, inverse: true } : numbers,
    series: data.series.map((series) => {
      const at = drawn.indexOf(series);
      const shade = colour(series.dashed ? "ink-soft" : (inks[at % inks.length] ?? "water"));
      return lying
        ? { type: "bar", name: series.name, data: series.values, barMaxWidth: wall ? 26 : 16, itemStyle: { color: shade, borderRadius: [0, 2, 2, 0] } }
        : {
            type: "line",
            name: series.name,
            data: series.values,
            showSymbol: false,
            symbolSize: 7,
            lineStyle: { color: shade, width: series.dashed ? 1.5 : 2.5, type: series.dashed ? "dashed" : "solid" },
            itemStyle: { color: shade },
            ...(series.dashed ? {} : { areaStyle: { color: shade, opacity: at === 0 ? 0.08 : 0 } }),
          };
    }),
  };
}

behaviour("figure[data-chart]", (figure) => {
  const canvas = figure.querySelector<HTMLElement>("[data-chart-canvas]");
  if (!canvas) return;
  const kind = figure.dataset["chart"] ?? "line";
  let data = read(figure);
  // In em: the command room writes larger.
  if (kind === "bar") canvas.style.setProperty("min-height", `${Math.max(6, data.labels.length * 1.6 + 2)}em`);
  const chart = init(canvas, null, { renderer: "canvas" });
  const draw = (): void => chart.setOption(option(kind, data, canvas.clientHeight));
  draw();
  chart.on("click", (point) => {
    const href = data.series[point.seriesIndex ?? 0]?.links[point.dataIndex];
    if (href) location.assign(href);
  });
  const room = new ResizeObserver(() => {
    // A figure that has left the page has no room any more: what was drawn goes with it.
    if (!canvas.isConnected) {
      room.disconnect();
      chart.dispose();
      return;
    }
    chart.resize();
    draw();
  });
  room.observe(canvas);
  const table = figure.querySelector("table")?.parentElement;
  if (table) {
    // New numbers came: the table was exchanged for one that has them.
    new MutationObserver(() => {
      data = read(figure);
      draw();
    }).observe(table, { childList: true });
  }
  onPicture(figure, () => save(chart.getDataURL({ type: "png", pixelRatio: 2, backgroundColor: colour("surface") }), figure));
});

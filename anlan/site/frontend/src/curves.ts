/**
 * A device's readings as curves, from a year to a second: each stretch is asked for anew, thinned out by the server so that
 * no peak is lost. All metrics share the stretch, which stands behind the # of the address.
 *
 * Where there are many readings the band says the lowest and the highest of each step, the line the last one. Where nothing
 * came for long, nothing is drawn.
 */
import { LineChart } from "echarts/charts";
import { DataZoomComponent, GridComponent, MarkAreaComponent, MarkLineComponent, TooltipComponent } from "echarts/components";
import { type ECharts, type EChartsCoreOption, init, use } from "echarts/core";
import { CanvasRenderer } from "echarts/renderers";
import { colour } from "./colours";
import { make } from "./dom";

use([LineChart, DataZoomComponent, GridComponent, MarkAreaComponent, MarkLineComponent, TooltipComponent, CanvasRenderer]);

interface Curve {
  from: number;
  to: number;
  ts: number[];
  low: number[];
  high: number[];
  last: number[];
  count: number[];
  limits: { level: string; level_title: string; sign: string; value: number; rule: string }[];
  warnings: { number: string; title: string; level: string; level_title: string; at: number; until: number | null; url: string }[];
}

type Point = [number, number | null];

const shortest = 1_000;
const longest = 3 * 366 * 86_400_000;
const ever = 4_102_444_800_000;
const pace = 300;

const written = (options: Intl.DateTimeFormatOptions): Intl.DateTimeFormat => new Intl.DateTimeFormat(document.documentElement.lang, { hour12: false, timeZone: "Asia/Shanghai", ...options });
const full = written({ year: "numeric", month: "2-digit", day: "2-digit", hour: "2-digit", minute: "2-digit", second: "2-digit" });
const short = written({ year: "numeric", month: "2-digit", day: "2-digit", hour: "2-digit", minute: "2-digit" });
const days = written({ month: "numeric", day: "numeric" });
const times = written({ hour: "2-digit", minute: "2-digit" });
const seconds = written({ hour: "2-digit", minute: "2-digit", second: "2-digit" });
const parts = written({ minute: "2-digit", second: "2-digit", fractionalSecondDigits: 1 });

function label(at: number, span: number): string {
  if (span > 3 * 86_400_000) return days.format(at);
  return (span > 300_000 ? times : span > 20_000 ? seconds : parts).format(at);
}

/** A series with nothing where no reading came for more than five usual pauses. */
function parted(curve: Curve, values: number[]): Point[] {
  const pauses = curve.ts.slice(1).map((at, n) => at - (curve.ts[n] ?? at));
  const usual = [...pauses].sort((a, b) => a - b)[Math.floor(pauses.length / 2)] ?? 0;
  return curve.ts.flatMap((at, n): Point[] => {
    const pause = n ? (pauses[n - 1] ?? 0) : 0;
    const own: Point = [at, values[n] ?? null];
    return pause > 5 * usual ? [[at - pause / 2, null], own] : [own];
  });
}

function option(curve: Curve, words: DOMStringMap): EChartsCoreOption {
  const [ink, soft, line, water] = [colour("ink"), colour("ink-soft"), colour("line"), colour("water")];
  const font = getComputedStyle(document.body).fontFamily;
  const span = curve.to - curve.from;
  const band = curve.count.some((count) => count > 1);
  const hidden = { type: "line", showSymbol: false, silent: true, stack: "band", stackStrategy: "all", lineStyle: { color: water, width: 1, opacity: 0.45 }, itemStyle: { opacity: 0 } };
  const few = curve.ts.length < 60;
  // Limits are seen even where the readings are far from them.
  const [lowest, highest] = [Math.min(...curve.low, ...curve.limits.map((one) => one.value)), Math.max(...curve.high, ...curve.limits.map((one) => one.value))];
  const round = 10 ** Math.floor(Math.log10(Math.max(highest - lowest, Math.abs(highest) / 100, 1e-6))) / 2;
  const bounds = Number.isFinite(lowest) ? { min: Math.floor(lowest / round) * round, max: (Math.floor(highest / round) + 1) * round } : {};
  return {
    animation: false,
    textStyle: { fontFamily: font, color: ink },
    grid: { left: 8, right: 12, top: 16, bottom: 8, containLabel: true },
    tooltip: {
      trigger: "axis", renderMode: "richText", backgroundColor: colour("surface"), borderColor: line, textStyle: { color: ink, fontFamily: font, fontSize: 12 },
      formatter: (points: unknown) => {
        const at = (points as { value: Point }[])[0]?.value[0] ?? 0;
        const n = curve.ts.indexOf(at);
        if (n < 0) return "";
        const more = (curve.count[n] ?? 1) > 1 ? `\n${words["wordsRange"] ?? ""}: ${curve.low[n] ?? ""} – ${curve.high[n] ?? ""}` : "";
        return `${full.format(at)}\n${more ? `${words["wordsLast"] ?? ""}: ` : ""}${curve.last[n] ?? ""}${more}`;
      },
    },
    xAxis: {
      type: "time", min: curve.from, max: curve.to, axisLine: { lineStyle: { color: line } }, splitLine: { show: false },
      axisLabel: { color: soft, fontSize: 12, hideOverlap: true, formatter: (at: number) => label(at, span) },
    },
    yAxis: {
      type: "value", scale: true, splitNumber: 4, splitLine: { lineStyle: { color: line } }, axisLabel: { color: soft, fontSize: 12 },
      ...bounds,
    },
    dataZoom: [{ type: "inside", filterMode: "none", zoomOnMouseWheel: "ctrl", moveOnMouseMove: true, preventDefaultMouseMove: false }],
    series: [
      ...(band
        ? [
            { ...hidden, data: parted(curve, curve.low) },
            { ...hidden, data: parted(curve, curve.high.map((high, n) => high - (curve.low[n] ?? high))), areaStyle: { color: water, opacity: 0.22 } },
          ]
        : []),
      {
        type: "line", data: parted(curve, curve.last), showSymbol: few, symbolSize: 5, connectNulls: false, lineStyle: { color: water, width: 1.5 }, itemStyle: { color: water },
        markLine: {
          symbol: "none", silent: true, animation: false,
          data: curve.limits.map((one) => ({
            yAxis: one.value, lineStyle: { color: colour(`level-${one.level}`), type: "dashed", width: 1.5 },
            label: { formatter: `${one.level_title} ${one.rule} ${one.sign} ${one.value}`, position: "insideStartTop", color: ink, fontSize: 12, textBorderColor: colour("surface"), textBorderWidth: 3 },
          })),
        },
        markArea: {
          silent: true, animation: false,
          data: curve.warnings.map((one) => [
            { xAxis: one.at, name: one.level_title, itemStyle: { color: colour(`level-${one.level}`), opacity: 0.16 }, label: { show: true, position: "insideTop", color: ink, fontSize: 12 } },
            { xAxis: Math.max(one.until ?? curve.to, one.at + span / 400) },
          ]),
        },
      },
    ],
  };
}

export function draw(place: HTMLElement): void {
  const base = place.dataset["curve"] ?? "";
  const asked = /^#(\d+)-(\d+)$/.exec(location.hash);
  const last = Number(place.dataset["last"]);
  let [from, to] = asked ? [Number(asked[1]), Number(asked[2])] : [last + 1 - 86_400_000, last + 1];
  const figures = [...place.querySelectorAll<HTMLElement>("[data-metric]")];
  const bar = place.querySelector<HTMLElement>(".curve-bar");
  const seen = new Set<HTMLElement>();
  const charts = new Map<HTMLElement, ECharts>();
  const stale = new WeakMap<HTMLElement, string>();
  const asking = new WeakMap<HTMLElement, AbortController>();
  let [gone, due] = [0, 0];

  const show = async (figure: HTMLElement): Promise<void> => {
    const mine = `${from}-${to}`;
    if (stale.get(figure) === mine) return;
    stale.set(figure, mine);
    const canvas = figure.querySelector<HTMLElement>("[data-curve-canvas]");
    const words = figure.querySelector("[data-curve-words]");
    const list = figure.querySelector("[data-curve-warnings]");
    if (!canvas || !words || !list) return;
    asking.get(figure)?.abort(); // nobody waits for a stretch that is no longer looked at
    const own = new AbortController();
    asking.set(figure, own);
    const points = Math.min(2000, Math.max(100, Math.round(canvas.clientWidth)));
    const query = new URLSearchParams({ metric: figure.dataset["metric"] ?? "", from: String(from), to: String(to), points: String(points) }).toString();
    let curve: Curve;
    try {
      const answer = await fetch(`${base}?${query}`, { signal: AbortSignal.any([own.signal, AbortSignal.timeout(20_000)]) });
      if (!answer.ok) throw new Error(String(answer.status));
      curve = (await answer.json()) as Curve;
    } catch {
      if (stale.get(figure) === mine) {
        stale.delete(figure);
        words.textContent = place.dataset["wordsFailed"] ?? "";
      }
      return;
    }
    if (stale.get(figure) !== mine) return; // another stretch was asked for meanwhile
    let chart = charts.get(figure);
    if (!chart) {
      charts.set(figure, (chart = init(canvas, null, { renderer: "canvas" })));
      const own = chart;
      new ResizeObserver(() => own.resize()).observe(canvas);
      let pause: ReturnType<typeof setTimeout> | undefined;
      own.on("dataZoom", () => {
        clearTimeout(pause);
        pause = setTimeout(() => {
          const [zoom] = (own.getOption() as { dataZoom: { startValue: number; endValue: number }[] }).dataZoom;
          if (zoom) go(zoom.startValue, zoom.endValue);
        }, 250);
      });
    }
    chart.setOption(option(curve, place.dataset), true);
    const total = curve.count.reduce((sum, count) => sum + count, 0);
    words.textContent = total
      ? (place.dataset["wordsOf"] ?? "").replace("{count}", total.toLocaleString()).replace("{points}", curve.ts.length.toLocaleString())
      : (place.dataset["wordsNone"] ?? "");
    list.replaceChildren(
      ...curve.warnings.map((one) =>
        make("li", {}, make("span", { class: `level level-${one.level}` }, one.level_title), make("a", { href: one.url }, one.title), make("time", { datetime: new Date(one.at).toISOString() }, short.format(one.at))),
      ),
    );
    const save = figure.querySelector<HTMLAnchorElement>("[data-export]");
    if (save) {
      save.href = `${place.dataset["sheet"] ?? ""}?${query}`;
      save.hidden = false;
    }
    figure.dataset["drawn"] = mine;
  };

  const go = (begin: number, end: number): void => {
    const span = Math.min(longest, Math.max(shortest, Math.round(end - begin)));
    const middle = (begin + end) / 2;
    from = Math.max(0, Math.round(middle - span / 2));
    to = Math.min(ever, from + span);
    history.replaceState(null, "", `#${from}-${to}`);
    tell();
    // Who goes on and on is shown where he stops: each stretch costs the server as much as the last one.
    clearTimeout(due);
    due = window.setTimeout(() => {
      for (const figure of seen) void show(figure);
    }, performance.now() - gone < pace ? pace : 0);
    gone = performance.now();
  };
  const tell = (): void => {
    const told = bar?.querySelector("[data-stretch]");
    const moment = to - from < 300_000 ? full : short;
    if (told) told.textContent = `${moment.format(from)} – ${moment.format(to)}`;
    for (const button of bar?.querySelectorAll<HTMLElement>("[data-span]") ?? [])
      button.setAttribute("aria-pressed", String(Math.abs(Number(button.dataset["span"]) - (to - from)) < 1000));
  };

  if (bar) bar.hidden = false;
  bar?.addEventListener("click", (event) => {
    const button = event.target instanceof Element ? event.target.closest<HTMLElement>("button") : null;
    const span = to - from;
    const wanted = Number(button?.dataset["span"] ?? span * Number(button?.dataset["zoom"] ?? 0));
    if (wanted) {
      // So long up to what was last measured, where that is in sight; else about what one looks at.
      const length = Math.max(shortest, wanted);
      const end = from <= last && last <= to ? last + 1 : (from + to) / 2 + length / 2;
      go(end - length, end);
    } else if (button?.dataset["step"]) go(from + (Number(button.dataset["step"]) * span) / 2, to + (Number(button.dataset["step"]) * span) / 2);
  });
  tell();
  const watch = new IntersectionObserver((entries) => {
    for (const { target, isIntersecting } of entries) {
      if (isIntersecting) {
        seen.add(target as HTMLElement);
        void show(target as HTMLElement);
      } else seen.delete(target as HTMLElement);
    }
  });
  for (const figure of figures) watch.observe(figure);
}

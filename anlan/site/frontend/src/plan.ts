/**
 * The plan's draft beside its source: what is pressed on one side is lit and shown on the other, and a
 * stretch selected in the source becomes a clause or a target.
 */
import htmx from "htmx.org";
import { behaviour } from "./behaviour";

const KEYS = { c: "c", t: "t", g: "g" } as const;

function lit(sheet: HTMLElement, key: string): HTMLElement[] {
  for (const old of sheet.querySelectorAll(".is-lit")) old.classList.remove("is-lit");
  const kind = key.slice(0, 1) as keyof typeof KEYS;
  const parts = [...sheet.querySelectorAll<HTMLElement>(`[data-source] [data-${KEYS[kind]}="${CSS.escape(key.slice(1))}"]`)];
  for (const part of parts) part.classList.add("is-lit");
  sheet.querySelector(`[data-item="${CSS.escape(key)}"]`)?.classList.add("is-lit");
  return parts;
}

/** Scrolls the source's own pane, never the page under the reader's eyes. */
function seen(part: HTMLElement): void {
  const pane = part.closest<HTMLElement>("[data-source]");
  if (!pane) return;
  const to = part.getBoundingClientRect().top - pane.getBoundingClientRect().top + pane.scrollTop;
  pane.scrollTo({ top: Math.max(0, to - pane.clientHeight / 4) });
}

function place(node: Node, offset: number): number | undefined {
  const part = (node instanceof Element ? node : node.parentElement)?.closest<HTMLElement>("[data-at]");
  if (!part) return undefined;
  // The server counts characters, the browser UTF-16 units: they differ beyond the basic plane.
  const before = node instanceof Text ? [...node.data.slice(0, offset)].length : 0;
  return Number(part.dataset["at"]) + before;
}

behaviour("[data-plan-sheet]", (sheet) => {
  const source = sheet.querySelector<HTMLElement>("[data-source]");
  sheet.addEventListener("click", (event) => {
    if (!(event.target instanceof Element)) return;
    const see = event.target.closest<HTMLElement>("[data-see]");
    if (see?.dataset["see"]) {
      const parts = lit(sheet, see.dataset["see"]);
      const first = parts[0] ?? sheet.querySelector<HTMLElement>(`#s-${CSS.escape(see.dataset["see"])}`);
      if (first) {
        event.preventDefault();
        seen(first);
      }
      return;
    }
    const chip = event.target.closest<HTMLAnchorElement>(".plan-chip");
    const part = event.target.closest<HTMLElement>("[data-source] [data-at]");
    const key = chip ? chip.id.slice(2) : part?.dataset["t"] ? `t${part.dataset["t"]}` : part?.dataset["c"] ? `c${part.dataset["c"]}` : "";
    if (!key || !getSelection()?.isCollapsed) return;
    event.preventDefault();
    lit(sheet, key);
    const item = sheet.querySelector<HTMLElement>(key.startsWith("g") ? `#g-${CSS.escape(key.slice(1))}` : `[data-item="${CSS.escape(key)}"]`);
    item?.scrollIntoView({ block: "center" });
    if (chip) item?.querySelector<HTMLElement>("a, button")?.focus({ preventScroll: true });
  });
  sheet.addEventListener("focusin", (event) => {
    const item = event.target instanceof Element ? event.target.closest<HTMLElement>("[data-item]") : null;
    const first = item?.dataset["item"] ? lit(sheet, item.dataset["item"])[0] : undefined;
    if (first) seen(first);
  });

  const tools = sheet.querySelector<HTMLElement>("[data-selected]");
  if (!source || !tools) return;
  let chosen: [number, number] | undefined;
  document.addEventListener("selectionchange", () => {
    const selection = getSelection();
    if (!sheet.isConnected || !selection?.rangeCount) return;
    const range = selection.getRangeAt(0);
    const inside = !selection.isCollapsed && source.contains(range.startContainer) && source.contains(range.endContainer);
    const from = inside ? place(range.startContainer, range.startOffset) : undefined;
    const to = inside ? place(range.endContainer, range.endOffset) : undefined;
    chosen = from !== undefined && to !== undefined && from < to ? [from, to] : undefined;
    for (const button of tools.querySelectorAll<HTMLElement>("[data-add]")) button.hidden = !chosen;
    for (const hint of tools.querySelectorAll<HTMLElement>("[data-selected-hint]")) hint.hidden = Boolean(chosen);
  });
  for (const button of tools.querySelectorAll<HTMLElement>("[data-add]")) {
    // The press must not take the selection away.
    button.addEventListener("pointerdown", (event) => event.preventDefault());
    button.addEventListener("click", () => {
      if (!chosen) return;
      const query = new URLSearchParams({ new: button.dataset["add"] ?? "", from: String(chosen[0]), to: String(chosen[1]) });
      void htmx.ajax("get", `${sheet.dataset["url"] ?? ""}?${query.toString()}`, { target: "#plan-sheet", select: "#plan-sheet", swap: "outerHTML" });
    });
  }
});

// Faults of a form, and what somebody else changed, come with 422 and 409 and are shown in place.
let scrolled = 0;
let worked = "";
document.addEventListener("htmx:beforeSwap", (event) => {
  const { detail } = event as CustomEvent<{ target: HTMLElement; xhr: XMLHttpRequest; shouldSwap: boolean; isError: boolean; requestConfig: { elt: HTMLElement } }>;
  if (detail.target.id !== "plan-sheet") return;
  scrolled = document.querySelector("[data-source]")?.scrollTop ?? 0;
  worked = detail.requestConfig.elt.closest<HTMLElement>("[data-item]")?.dataset["item"] ?? "";
  if (detail.xhr.status === 422 || detail.xhr.status === 409) {
    detail.shouldSwap = true;
    detail.isError = false;
  }
});
document.addEventListener("htmx:afterSettle", (event) => {
  const sheet = document.getElementById("plan-sheet");
  if (!sheet || !(event.target instanceof Element) || !(event.target === sheet || sheet.contains(event.target))) return;
  document.querySelector("[data-source]")?.scrollTo({ top: scrolled });
  const note = sheet.querySelector<HTMLElement>(".note-critical");
  if (note) return note.scrollIntoView({ block: "center" });
  const form = sheet.querySelector<HTMLElement>(".plan-form");
  if (form) {
    form.scrollIntoView({ block: "start" });
    if (!form.querySelector("[data-error-summary]")) form.querySelector<HTMLElement>("input:not([type=hidden]), select, textarea")?.focus({ preventScroll: true });
    return;
  }
  const item = worked ? sheet.querySelector<HTMLElement>(`[data-item="${CSS.escape(worked)}"]`) : null;
  item?.scrollIntoView({ block: "center" });
  item?.querySelector<HTMLElement>("a")?.focus({ preventScroll: true });
});

/**
 * The editor of a board. The tiles that the page shows are the board: their order is that of the elements, and what each
 * asks for is kept beside its element. A changed tile is drawn anew by the server at once; moving and sizing need no answer.
 */
import { behaviour } from "./behaviour";

interface Tile {
  kind: string;
  measures?: string[];
  period?: string;
  width?: number;
  height?: number;
  [field: string]: string | number | string[] | undefined;
}

interface Rules {
  most: number;
  measures: Record<string, number>;
  sizes: Record<string, [number, number]>;
}

const widths = [3, 4, 6, 8, 9, 12];
const read = (id: string): unknown => JSON.parse(document.getElementById(id)?.textContent ?? "null");

behaviour("form[data-compose]", (element) => {
  const form = element as HTMLFormElement;
  const grid = form.querySelector<HTMLElement>("#tiles");
  const dialog = document.querySelector<HTMLDialogElement>("[data-settings]");
  const said = form.querySelector<HTMLElement>("[data-compose-said]");
  const layout = form.elements.namedItem("layout") as HTMLInputElement;
  if (!grid || !dialog || !said) return;
  const rules = read("compose-rules") as Rules;
  const kept = new WeakMap<Element, Tile>();
  const elements = (): HTMLElement[] => [...grid.querySelectorAll<HTMLElement>(":scope > [data-tile]")];
  const of = (tile: Element): Tile => {
    const found = kept.get(tile);
    if (!found) throw new Error("a tile that nobody keeps");
    return found;
  };
  const rows = read("compose-layout") as Tile[];
  elements().forEach((tile, n) => kept.set(tile, rows[n] ?? { kind: "text" }));
  let number = rows.length;

  const wrote = (): void => {
    layout.value = JSON.stringify(elements().map(of));
    const none = form.querySelector<HTMLElement>("[data-compose-none]");
    if (none) none.hidden = elements().length > 0;
  };
  wrote();
  const tell = (what: string, values: Record<string, number> = {}): void => {
    said.textContent = (said.dataset[what] ?? "").replace(/\{(\w+)\}/g, (_whole, name: string) => String(values[name] ?? ""));
  };

  // --- Drawing a tile anew -----------------------------------------------------------------------------
  const asked = new WeakMap<Tile, number>();
  async function draw(tile: Tile): Promise<void> {
    const turn = (asked.get(tile) ?? 0) + 1;
    asked.set(tile, turn);
    const sent = new FormData();
    sent.set("tile", JSON.stringify(tile));
    sent.set("place", String(number++));
    sent.set("csrfmiddlewaretoken", (form.elements.namedItem("csrfmiddlewaretoken") as HTMLInputElement).value);
    const answer = await fetch(form.dataset["preview"] ?? "", { method: "POST", body: sent });
    const old = elements().find((one) => of(one) === tile);
    // Another change came meanwhile, whose answer will be drawn; or the tile is gone.
    if (!old || asked.get(tile) !== turn || !answer.ok) return;
    const fresh = new DOMParser().parseFromString(await answer.text(), "text/html").querySelector<HTMLElement>("[data-tile]");
    if (!fresh) return;
    const focused = old.contains(document.activeElement);
    kept.set(fresh, tile);
    old.replaceWith(fresh);
    size(fresh);
    if (focused) fresh.focus();
    document.dispatchEvent(new CustomEvent("htmx:load", { detail: { elt: fresh } }));
  }
  let resting: ReturnType<typeof setTimeout> | undefined;
  const soon = (tile: Tile): void => {
    wrote();
    clearTimeout(resting);
    resting = setTimeout(() => void draw(tile), 150);
  };

  // --- Order and size ----------------------------------------------------------------------------------
  const dimensions = (tile: Tile): [number, number] => {
    const [width, height] = rules.sizes[tile.kind] ?? [6, 2];
    return [tile.width ?? width, tile.height ?? height];
  };
  function size(tile: HTMLElement): void {
    const [width, height] = dimensions(of(tile));
    tile.classList.remove(...[...tile.classList].filter((name) => /^is-[wh]\d+$/.test(name)));
    tile.classList.add(`is-w${width}`, `is-h${height}`);
  }
  function resize(tile: HTMLElement, width: number, height: number): void {
    Object.assign(of(tile), { width, height });
    size(tile);
    wrote();
    tell("sized", { width, height });
  }
  function move(tile: HTMLElement, step: number): void {
    const all = elements();
    const at = all.indexOf(tile);
    const to = Math.max(0, Math.min(all.length - 1, at + step));
    if (to === at) return;
    const focus = document.activeElement;
    if (to > at) all[to]?.after(tile);
    else all[to]?.before(tile);
    if (focus instanceof HTMLElement) focus.focus();
    wrote();
    tell("moved", { place: to + 1, all: all.length });
  }
  function remove(tile: HTMLElement): void {
    const next = tile.nextElementSibling ?? tile.previousElementSibling;
    tile.remove();
    if (next instanceof HTMLElement) next.focus();
    wrote();
    tell("removed");
  }
  function add(tile: Tile, after?: HTMLElement): HTMLElement | undefined {
    if (elements().length >= rules.most) {
      tell("full", { all: rules.most });
      return undefined;
    }
    const place = document.createElement("section");
    place.className = "board-tile";
    place.tabIndex = 0;
    place.dataset["tile"] = "";
    kept.set(place, tile);
    if (after) after.after(place);
    else grid!.append(place);
    size(place);
    wrote();
    void draw(tile);
    place.focus();
    return place;
  }

  // --- Settings ----------------------------------------------------------------------------------------
  const first = dialog.querySelector<HTMLSelectElement>("[data-measure='0']");
  const further = dialog.querySelector<HTMLElement>("[data-measures]");
  const period = dialog.querySelector<HTMLSelectElement>("[data-period]");
  const fixed = dialog.querySelector<HTMLInputElement>("[data-fixed]");
  if (!first || !further || !period || !fixed) return;
  let current: Tile | undefined;

  function show(): void {
    if (!current) return;
    const tile = current;
    for (const part of dialog!.querySelectorAll<HTMLElement>("[data-for]")) part.hidden = !(part.dataset["for"] ?? "").split(" ").includes(tile.kind);
    for (const field of dialog!.querySelectorAll<HTMLInputElement>("[data-field]")) field.value = String(tile[field.dataset["field"] ?? ""] ?? (field.dataset["field"] === "by" ? "area" : ""));
    const [width, height] = dimensions(tile);
    for (const field of dialog!.querySelectorAll<HTMLSelectElement>("[data-number]")) field.value = String(field.dataset["number"] === "width" ? width : height);
    const chosen = tile.measures ?? [];
    choose(first!, chosen[0] ?? "");
    further!.replaceChildren();
    const most = rules.measures[tile.kind] ?? 0;
    for (let n = 1; n < Math.min(most, chosen.length + 1); n++) {
      const select = first!.cloneNode(true) as HTMLSelectElement;
      select.id = `tile-measure-${n}`;
      select.dataset["measure"] = String(n);
      select.setAttribute("aria-label", String(n + 1));
      choose(select, chosen[n] ?? "");
      further!.append(select);
    }
    const when = tile.period ?? "year";
    const known = [...period!.options].some((one) => one.value === when);
    period!.value = known ? when : "fixed";
    fixed!.hidden = known;
    fixed!.value = known ? "" : when;
  }
  /** A figure that is gone stays chosen, and the tile says that it is gone. */
  function choose(select: HTMLSelectElement, value: string): void {
    if (value && ![...select.options].some((one) => one.value === value)) select.add(new Option(value, value));
    select.value = value;
  }
  function open(tile: HTMLElement): void {
    current = of(tile);
    show();
    dialog!.showModal();
  }
  dialog.addEventListener("close", () => {
    const back = elements().find((one) => of(one) === current);
    current = undefined;
    back?.focus();
  });
  dialog.addEventListener("input", (event) => {
    const field = event.target as HTMLInputElement & Partial<Pick<HTMLSelectElement, "selectedOptions">>;
    if (!current) return;
    const tile = current;
    const { field: name, number: dimension, measure } = field.dataset;
    if (measure !== undefined) {
      const all = [...dialog.querySelectorAll<HTMLSelectElement>("[data-measure]")].map((one) => one.value);
      tile.measures = [...new Set(all.filter(Boolean))];
      show();
    } else if (dimension) tile[dimension] = Number(field.value);
    else if (event.target === period) {
      if (period.value === "fixed") {
        fixed.hidden = false;
        fixed.focus();
        return;
      }
      tile.period = period.value;
      show();
    } else if (event.target === fixed) tile.period = fixed.value.trim() || "year";
    else if (name) {
      if (field.value) tile[name] = field.value;
      else delete tile[name];
      if (name === "kind") {
        delete tile.width;
        delete tile.height;
        const most = rules.measures[tile.kind] ?? 0;
        if (most) {
          tile.measures = (tile.measures?.length ? tile.measures : [first.options[1]?.value ?? ""]).slice(0, most);
          delete tile["text"];
        } else {
          delete tile.measures;
          tile["text"] ??= field.selectedOptions?.[0]?.text ?? "";
        }
        show();
      }
    }
    soon(tile);
  });

  // --- What the person does ----------------------------------------------------------------------------
  const deeds: Record<string, (tile: HTMLElement) => void> = {
    earlier: (tile) => move(tile, -1),
    later: (tile) => move(tile, 1),
    settings: open,
    twice: (tile) => void add(structuredClone(of(tile)), tile),
    remove,
  };
  grid.addEventListener("click", (event) => {
    const target = event.target as HTMLElement;
    const tile = target.closest<HTMLElement>("[data-tile]");
    const deed = target.closest<HTMLElement>("[data-deed]")?.dataset["deed"];
    if (tile && deed) deeds[deed]?.(tile);
    // Here the figures are composed, not followed: a link would lead away from what is not saved yet.
    else if (target.closest("a:not([download])")) event.preventDefault();
  });
  grid.addEventListener("keydown", (event) => {
    const tile = event.target as HTMLElement;
    if (tile.dataset["tile"] === undefined) return;
    const arrow = ["ArrowLeft", "ArrowUp", "ArrowRight", "ArrowDown"].indexOf(event.key);
    if (event.altKey && arrow >= 0) move(tile, arrow < 2 ? -1 : 1);
    else if (event.shiftKey && arrow >= 0) {
      const [width, height] = dimensions(of(tile));
      const at = widths.indexOf(width) + (arrow === 0 ? -1 : arrow === 2 ? 1 : 0);
      const rows = height + (arrow === 1 ? -1 : arrow === 3 ? 1 : 0);
      resize(tile, widths[Math.max(0, Math.min(widths.length - 1, at))] ?? width, Math.max(1, Math.min(4, rows)));
    } else if (event.key === "Enter") open(tile);
    else if (event.key === "Delete") remove(tile);
    else return;
    event.preventDefault();
  });
  grid.addEventListener("pointerdown", (event) => {
    const target = event.target as HTMLElement;
    const tile = target.closest<HTMLElement>("[data-tile]");
    const grip = target.closest<HTMLElement>("[data-tile-grip]");
    const corner = target.closest<HTMLElement>("[data-tile-corner]");
    if (!tile || event.button !== 0 || !(grip ?? corner)) return;
    event.preventDefault();
    tile.classList.add("is-held");
    const gap = parseFloat(getComputedStyle(grid).columnGap) || 0;
    const column = (grid.clientWidth + gap) / 12;
    const line = (parseFloat(getComputedStyle(grid).gridAutoRows) || 120) + gap;
    const on = (at: PointerEvent): void => {
      if (grip) {
        const over = document.elementFromPoint(at.clientX, at.clientY)?.closest<HTMLElement>("[data-tile]");
        if (!over || over === tile || over.parentElement !== grid) return;
        const all = elements();
        move(tile, all.indexOf(over) - all.indexOf(tile));
        return;
      }
      const box = tile.getBoundingClientRect();
      const wanted = (at.clientX - box.left + gap) / column;
      const width = widths.reduce((best, one) => (Math.abs(one - wanted) < Math.abs(best - wanted) ? one : best), 3);
      const height = Math.max(1, Math.min(4, Math.round((at.clientY - box.top + gap) / line)));
      const [before, rows] = dimensions(of(tile));
      if (width !== before || height !== rows) resize(tile, width, height);
    };
    const end = (): void => {
      tile.classList.remove("is-held");
      window.removeEventListener("pointermove", on);
      window.removeEventListener("pointerup", end);
      window.removeEventListener("pointercancel", end);
      tile.focus();
    };
    window.addEventListener("pointermove", on);
    window.addEventListener("pointerup", end);
    window.addEventListener("pointercancel", end);
  });
  for (const button of form.querySelectorAll<HTMLElement>("[data-add]"))
    button.addEventListener("click", () => {
      const kind = button.dataset["add"] ?? "card";
      button.closest("details")?.removeAttribute("open");
      const most = rules.measures[kind] ?? 0;
      const made = add(most ? { kind, measures: [first.options[1]?.value ?? ""] } : { kind, text: button.textContent?.trim() ?? "" });
      if (made) open(made);
    });
  form.addEventListener("submit", wrote, { capture: true });
});

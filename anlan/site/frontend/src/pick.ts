/**
 * A field that points at another record: one types a name, its initials or a code, and picks.
 *
 * `data-pick="URL"` answers `{"rows": [{"value", "text", "note"}]}` to `?q=`. A combobox with a list box
 * (ARIA 1.2): the field keeps the focus, the chosen option is told by `aria-activedescendant`, and how
 * many were found is said aloud. Without script the field takes the value itself; what is typed and not
 * picked is sent as it is, and the server judges it.
 */
import { behaviour } from "./behaviour";
import { make } from "./dom";
import { say } from "./words";

interface Row {
  value: string;
  text: string;
  note?: string;
}

let made = 0;

behaviour("input[data-pick]", (element) => {
  const kept = element as HTMLInputElement;
  const id = `pick-${++made}`;
  const field = kept.cloneNode() as HTMLInputElement;
  for (const name of ["name", "data-pick", "data-text"]) field.removeAttribute(name);
  field.value = kept.dataset["text"] ?? kept.value;
  for (const [name, value] of Object.entries({ role: "combobox", "aria-expanded": "false", "aria-controls": id, "aria-autocomplete": "list" })) {
    field.setAttribute(name, value);
  }
  kept.type = "hidden";
  kept.removeAttribute("id");
  const list = make("div", { id, class: "dropdown-menu pick-list", role: "listbox", "aria-label": say("results") });
  // What is said aloud; it also stands there for the eye when there is nothing to choose.
  const state = make("div", { class: "pick-state", role: "status" });
  const box = make("div", { class: "pick" });
  if (kept.nextElementSibling?.classList.contains("pick-now")) kept.nextElementSibling.remove();
  kept.before(box);
  box.append(field, list, state, kept);

  let rows: Row[] = [];
  let chosen = -1;
  let asked = 0;
  let timer: ReturnType<typeof setTimeout> | undefined;
  let settled = kept.value;
  // What was typed has not been looked up yet: Enter waits for the list instead of sending the form.
  let waiting = false;
  const isOpen = (): boolean => list.classList.contains("show");
  const show = (open: boolean, words = ""): void => {
    list.classList.toggle("show", open && rows.length > 0);
    field.setAttribute("aria-expanded", String(isOpen()));
    state.textContent = words;
    state.classList.toggle("is-alone", open && rows.length === 0);
    if (!isOpen()) field.removeAttribute("aria-activedescendant");
  };
  const choose = (index: number): void => {
    const all = [...list.children];
    chosen = all.length ? (index + all.length) % all.length : -1;
    all.forEach((option, i) => option.setAttribute("aria-selected", String(i === chosen)));
    const option = all[chosen];
    if (option) {
      field.setAttribute("aria-activedescendant", option.id);
      option.scrollIntoView({ block: "nearest" });
    }
  };
  // Tells the form, once, that the field stands for something else now.
  const settle = (): void => {
    if (kept.value === settled) return;
    settled = kept.value;
    kept.dispatchEvent(new Event("change", { bubbles: true }));
  };
  const take = (row: Row): void => {
    asked++;
    waiting = false;
    kept.value = row.value;
    field.value = row.text;
    rows = [];
    show(false);
    settle();
  };
  const fill = (found: Row[], query: string): void => {
    rows = found;
    list.replaceChildren(
      ...rows.map((row, i) => {
        const option = make("div", { id: `${id}-${i}`, class: "dropdown-item", role: "option", "aria-selected": "false" }, make("span", {}, row.text));
        if (row.note) option.append(make("small", {}, row.note));
        option.addEventListener("pointerdown", (event) => {
          event.preventDefault();
          take(row);
        });
        return option;
      }),
    );
    show(true, rows.length ? say("found", { count: rows.length }) : say("found_none", { query }));
    choose(rows.length ? 0 : -1);
  };
  const ask = async (): Promise<void> => {
    const mine = ++asked;
    const query = field.value.trim();
    if (!query) {
      waiting = false;
      rows = [];
      return show(false);
    }
    try {
      const response = await fetch(`${kept.dataset["pick"] ?? ""}?${new URLSearchParams({ q: query }).toString()}`, { signal: AbortSignal.timeout(10000) });
      if (!response.ok) throw new Error(String(response.status));
      const answer = (await response.json()) as { rows: Row[] };
      if (mine === asked && document.activeElement === field) fill(answer.rows, query);
    } catch {
      if (mine !== asked) return;
      rows = [];
      show(true, say("search_failed"));
    } finally {
      if (mine === asked) waiting = false;
    }
  };
  field.addEventListener("input", () => {
    kept.value = field.value.trim();
    waiting = true;
    clearTimeout(timer);
    timer = setTimeout(() => void ask(), 150);
  });
  field.addEventListener("change", (event) => event.stopPropagation());
  field.addEventListener("keydown", (event) => {
    if (event.isComposing) return;
    if (event.key === "Enter" && waiting) {
      // The list that stands there, if any, is of what was typed before.
    } else if (event.key === "ArrowDown" && !isOpen()) void ask();
    else if (!isOpen()) return;
    else if (event.key === "ArrowDown") choose(chosen + 1);
    else if (event.key === "ArrowUp") choose(chosen - 1);
    else if (event.key === "Enter") {
      const row = rows[chosen];
      if (row) take(row);
    } else if (event.key === "Escape") show(false);
    else return;
    event.preventDefault();
  });
  field.addEventListener("blur", () => {
    clearTimeout(timer);
    asked++;
    waiting = false;
    // Exactly what was written stands in the list: that is meant.
    const same = rows.filter((row) => row.text === field.value.trim());
    const [only] = same;
    if (only && same.length === 1) return take(only);
    show(false);
    settle();
  });
});

/**
 * A field that points at another record: one types a name, its initials or a code, and picks.
 *
 * `data-pick="URL"` answers `{"rows": [{"value", "text"}]}` to `?q=`. Without script the field takes
 * the value itself; what is typed and not picked is sent as it is, and the server judges it.
 */
import { behaviour } from "./behaviour";
import { make } from "./dom";
import { say } from "./words";

interface Row {
  value: string;
  text: string;
}

let made = 0;

behaviour("input[data-pick]", (element) => {
  const kept = element as HTMLInputElement;
  const id = `pick-${++made}`;
  const field = kept.cloneNode() as HTMLInputElement;
  field.removeAttribute("name");
  field.removeAttribute("data-pick");
  field.value = kept.dataset["text"] ?? kept.value;
  for (const [name, value] of Object.entries({ role: "combobox", "aria-expanded": "false", "aria-controls": id, "aria-autocomplete": "list" })) {
    field.setAttribute(name, value);
  }
  kept.type = "hidden";
  kept.removeAttribute("id");
  const list = make("div", { id, class: "dropdown-menu pick-list", role: "listbox", "aria-label": say("results") });
  const box = make("div", { class: "pick" });
  kept.before(box);
  box.append(field, list, kept);

  let chosen = -1;
  let asked = 0;
  let timer: ReturnType<typeof setTimeout> | undefined;
  const options = (): HTMLElement[] => [...list.querySelectorAll<HTMLElement>("[role=option]")];
  const show = (open: boolean): void => {
    list.classList.toggle("show", open);
    field.setAttribute("aria-expanded", String(open));
    if (!open) field.removeAttribute("aria-activedescendant");
  };
  const choose = (index: number): void => {
    const all = options();
    chosen = all.length ? (index + all.length) % all.length : -1;
    all.forEach((option, i) => option.setAttribute("aria-selected", String(i === chosen)));
    const option = all[chosen];
    if (option) {
      field.setAttribute("aria-activedescendant", option.id);
      option.scrollIntoView({ block: "nearest" });
    }
  };
  const take = (row: Row): void => {
    kept.value = row.value;
    field.value = row.text;
    show(false);
    kept.dispatchEvent(new Event("change", { bubbles: true }));
  };
  const fill = (rows: Row[], query: string): void => {
    list.replaceChildren();
    rows.forEach((row, i) => {
      const option = make("div", { id: `${id}-${i}`, class: "dropdown-item", role: "option", "aria-selected": "false" }, row.text);
      option.addEventListener("pointerdown", (event) => {
        event.preventDefault();
        take(row);
      });
      option.addEventListener("pick:take", () => take(row));
      list.append(option);
    });
    if (!rows.length) list.append(make("div", { class: "dropdown-item", role: "status" }, say("found_none", { query })));
    show(true);
    choose(rows.length ? 0 : -1);
  };
  const ask = async (): Promise<void> => {
    const mine = ++asked;
    const query = field.value.trim();
    if (!query) return show(false);
    try {
      const response = await fetch(`${kept.dataset["pick"] ?? ""}?${new URLSearchParams({ q: query }).toString()}`, { signal: AbortSignal.timeout(10000) });
      if (!response.ok) throw new Error(String(response.status));
      const { rows } = (await response.json()) as { rows: Row[] };
      if (mine === asked) fill(rows, query);
    } catch {
      if (mine !== asked) return;
      list.replaceChildren(make("div", { class: "dropdown-item", role: "status" }, say("search_failed")));
      show(true);
    }
  };
  field.addEventListener("input", () => {
    kept.value = field.value.trim();
    clearTimeout(timer);
    timer = setTimeout(() => void ask(), 150);
  });
  field.addEventListener("change", (event) => event.stopPropagation());
  field.addEventListener("keydown", (event) => {
    if (event.isComposing || !list.classList.contains("show")) return;
    if (event.key === "ArrowDown") choose(chosen + 1);
    else if (event.key === "ArrowUp") choose(chosen - 1);
    else if (event.key === "Enter" && chosen >= 0) options()[chosen]?.dispatchEvent(new Event("pick:take"));
    else if (event.key === "Escape") show(false);
    else return;
    event.preventDefault();
  });
  field.addEventListener("blur", () => show(false));
});

/**
 * Ctrl-K: one field that finds pages, enterprises, people and cases.
 *
 * A combobox with a list box (ARIA 1.2): the field keeps the focus, the chosen option is told by
 * `aria-activedescendant`, and how many were found is said aloud.
 */
import { behaviour } from "./behaviour";
import { icon, make } from "./dom";
import { say } from "./words";

interface Hit {
  title: string;
  note: string;
  url: string;
}
interface Group {
  title: string;
  hits: Hit[];
}

let dialog: HTMLDialogElement | undefined;

function build(): HTMLDialogElement {
  const field = make("input", {
    type: "search", role: "combobox", "aria-expanded": "true", "aria-controls": "palette-list", "aria-autocomplete": "list",
    "aria-label": say("search"), placeholder: say("search_hint"), autocomplete: "off", spellcheck: "false",
  });
  const list = make("div", { id: "palette-list", class: "palette-list", role: "listbox", "aria-label": say("results") });
  const state = make("div", { class: "palette-state", role: "status", "aria-live": "polite" });
  const foot = make("div", { class: "palette-foot" });
  for (const [keys, words] of [["↑ ↓", say("keys_choose")], ["Enter", say("keys_open")], ["Esc", say("close")]] as const) {
    foot.append(make("span", {}, make("kbd", {}, keys), " ", words));
  }
  const made = make("dialog", { class: "palette", "aria-label": say("search") });
  made.append(field, list, state, foot);
  document.body.append(made);

  let chosen = -1;
  let asked = 0;
  let timer: ReturnType<typeof setTimeout> | undefined;

  const options = (): HTMLElement[] => [...list.querySelectorAll<HTMLElement>("[role=option]")];
  const choose = (index: number): void => {
    const all = options();
    chosen = all.length ? (index + all.length) % all.length : -1;
    all.forEach((option, i) => option.setAttribute("aria-selected", String(i === chosen)));
    const option = all[chosen];
    if (option) {
      field.setAttribute("aria-activedescendant", option.id);
      option.scrollIntoView({ block: "nearest" });
    } else {
      field.removeAttribute("aria-activedescendant");
    }
  };
  const show = (groups: Group[], query: string): void => {
    list.replaceChildren();
    let n = 0;
    for (const [g, group] of groups.entries()) {
      const section = make("div", { role: "group", "aria-labelledby": `palette-group-${g}` });
      section.append(make("div", { id: `palette-group-${g}`, class: "palette-group", role: "presentation" }, group.title));
      for (const hit of group.hits) {
        const option = make("div", { id: `palette-option-${n++}`, class: "palette-item", role: "option", "aria-selected": "false" });
        option.dataset["url"] = hit.url;
        option.append(icon("arrow-right"), make("span", {}, hit.title));
        if (hit.note) option.append(make("small", {}, hit.note));
        section.append(option);
      }
      list.append(section);
    }
    state.textContent = n ? say("found", { count: n }) : query ? say("found_none", { query }) : say("search_help");
    choose(0);
  };
  const ask = async (): Promise<void> => {
    const mine = ++asked;
    const query = field.value.trim();
    const slow = setTimeout(() => {
      if (mine === asked) state.textContent = say("searching");
    }, 300);
    try {
      const response = await fetch(`/search?${new URLSearchParams({ q: query }).toString()}`, {
        headers: { Accept: "application/json" }, signal: AbortSignal.timeout(10000),
      });
      if (!response.ok) throw new Error(String(response.status));
      const { groups } = (await response.json()) as { groups: Group[] };
      if (mine === asked) show(groups, query);
    } catch {
      if (mine !== asked) return;
      list.replaceChildren();
      const again = make("button", { type: "button", class: "btn btn-sm ms-2" }, say("retry"));
      again.addEventListener("click", () => void ask());
      state.replaceChildren(say("search_failed"), again);
    } finally {
      clearTimeout(slow);
    }
  };

  field.addEventListener("input", () => {
    clearTimeout(timer);
    timer = setTimeout(() => void ask(), 120);
  });
  field.addEventListener("keydown", (event) => {
    if (event.isComposing) return;
    if (event.key === "ArrowDown") choose(chosen + 1);
    else if (event.key === "ArrowUp") choose(chosen - 1);
    else if (event.key === "Enter") options()[chosen]?.click();
    else return;
    event.preventDefault();
  });
  list.addEventListener("click", (event) => {
    const url = event.target instanceof Element ? event.target.closest<HTMLElement>("[role=option]")?.dataset["url"] : undefined;
    if (url) location.assign(url);
  });
  made.addEventListener("click", (event) => {
    if (event.target === made) made.close();
  });
  made.addEventListener("palette:open", () => {
    field.value = "";
    void ask();
  });
  return made;
}

function open(): void {
  if (!document.querySelector("[data-palette]")) return;
  dialog ??= build();
  if (dialog.open) return;
  dialog.showModal();
  dialog.dispatchEvent(new Event("palette:open"));
}

behaviour("[data-palette]", (button) => button.addEventListener("click", open));
document.addEventListener("keydown", (event) => {
  if ((event.ctrlKey || event.metaKey) && !event.shiftKey && !event.altKey && event.key.toLowerCase() === "k") {
    event.preventDefault();
    open();
  }
});

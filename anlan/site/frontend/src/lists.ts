/** Lists by keyboard: j and k walk the rows, Enter opens, / goes to the search, ? tells. */
import { behaviour } from "./behaviour";
import { typing } from "./dom";

// On a narrow screen the filters stand folded behind a button.
behaviour("[data-filters-toggle]", (button) => {
  button.addEventListener("click", () => {
    const open = button.closest("form")?.classList.toggle("is-open") ?? false;
    button.setAttribute("aria-expanded", String(open));
  });
});

function links(): HTMLAnchorElement[] {
  return [...document.querySelectorAll<HTMLAnchorElement>("[data-rows] .row-link")];
}

document.addEventListener("keydown", (event) => {
  if (typing(event) || event.ctrlKey || event.metaKey || event.altKey || document.querySelector("dialog[open]")) return;
  if (event.key === "j" || event.key === "k") {
    const all = links();
    if (!all.length) return;
    const row = document.activeElement?.closest("tr");
    const now = all.findIndex((link) => link.closest("tr") === row);
    const next = event.key === "j" ? now + 1 : Math.max(0, now - 1);
    all[Math.min(next, all.length - 1)]?.focus();
    event.preventDefault();
  } else if (event.key === "/") {
    const field = document.querySelector<HTMLInputElement>("[data-list-search]");
    if (field) {
      field.focus();
      field.select();
      event.preventDefault();
    }
  } else if (event.key === "?") {
    const help = document.getElementById("keys");
    if (help instanceof HTMLDialogElement) help.showModal();
  }
});

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

// A filter of several choices says at its head what is ticked.
behaviour(".filters details", (menu) => {
  const head = menu.querySelector("summary");
  const any = menu.dataset["any"] ?? "";
  menu.addEventListener("change", () => {
    const ticked = [...menu.querySelectorAll<HTMLInputElement>("input:checked")];
    if (head) head.textContent = ticked.map((box) => box.parentElement?.textContent?.trim() ?? "").join(" ") || any;
  });
});

// Columns are put in order on the spot; without script each step is a page of its own.
behaviour("[data-columns]", (form) => {
  for (const button of form.querySelectorAll<HTMLButtonElement>(".column-move")) {
    button.type = "button";
    button.addEventListener("click", () => {
      const row = button.closest("li");
      const other = button.name === "up" ? row?.previousElementSibling : row?.nextElementSibling;
      if (!row || !other) return;
      if (button.name === "up") other.before(row);
      else other.after(row);
      const box = row.querySelector<HTMLInputElement>("input");
      if (box) box.checked = true;
      button.focus();
    });
  }
});

// Where tabs do not fit, the one that stands open is scrolled into sight.
behaviour(".tabs a[aria-current]", (tab) => {
  const bar = tab.closest<HTMLElement>(".tabs");
  if (bar && bar.scrollWidth > bar.clientWidth) bar.scrollLeft = tab.offsetLeft - (bar.clientWidth - tab.offsetWidth) / 2;
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

/** A text of lines: their numbers beside it, wrong ones marked, and from a fault to its line. */
import { behaviour } from "./behaviour";

behaviour("[data-code-box]", (box) => {
  const text = box.querySelector<HTMLTextAreaElement>("textarea");
  const list = box.querySelector<HTMLElement>(".code-lines");
  if (!text || !list) return;
  const wrong = new Set((box.dataset["faults"] ?? "").split(",").filter(Boolean).map(Number));
  const number = (): void => {
    const lines = text.value.split("\n").length;
    while (list.childElementCount > lines) list.lastElementChild?.remove();
    while (list.childElementCount < lines) {
      const line = document.createElement("li");
      line.classList.toggle("is-wrong", wrong.has(list.childElementCount + 1));
      list.append(line);
    }
  };
  const along = (): void => { list.scrollTop = text.scrollTop; };
  text.addEventListener("input", number);
  text.addEventListener("scroll", along);
  // Tab leaves the field, as everywhere; a new line begins where the one before began.
  text.addEventListener("keydown", (event) => {
    if (event.key !== "Enter" || event.isComposing || event.ctrlKey || event.metaKey) return;
    const before = text.value.slice(0, text.selectionStart).split("\n").pop() ?? "";
    const indent = /^ */.exec(before)?.[0] ?? "";
    if (!indent) return;
    event.preventDefault();
    text.setRangeText(`\n${indent}`, text.selectionStart, text.selectionEnd, "end");
    text.dispatchEvent(new Event("input", { bubbles: true }));
  });
  for (const link of document.querySelectorAll<HTMLElement>("[data-line]")) {
    link.addEventListener("click", (event) => {
      event.preventDefault();
      const lines = text.value.split("\n"), n = Number(link.dataset["line"]) - 1;
      const begin = lines.slice(0, n).join("\n").length + (n ? 1 : 0);
      text.focus();
      text.setSelectionRange(begin, begin + (lines[n] ?? "").length);
      text.scrollTop = Math.max(0, (n - 3) * parseFloat(getComputedStyle(text).lineHeight));
    });
  }
  number();
});

/** Forms: nothing typed is lost unasked, nothing is sent twice, and a wrong field is one press away. */
import { behaviour } from "./behaviour";
import { say } from "./words";
import { make } from "./dom";

behaviour("form[data-guard]", (element) => {
  const form = element as HTMLFormElement;
  let sending = false;
  const state = (): string =>
    JSON.stringify([...new FormData(form)].map(([k, v]) => [k, v instanceof File ? `${v.name}:${v.size}` : v]));
  const before = state();
  form.addEventListener("submit", () => {
    sending = true;
  });
  window.addEventListener("beforeunload", (event) => {
    // A form that came back holds what was typed before it was sent, and nothing of it is saved.
    const typed = form.dataset["guard"] === "unsaved" || state() !== before;
    if (!sending && form.isConnected && typed) event.preventDefault();
  });
});

behaviour("form", (element) => {
  const form = element as HTMLFormElement;
  if (form.method !== "post" || form.target) return;
  form.addEventListener("submit", (event) => {
    if (event.defaultPrevented) return;
    // After this event's turn, so that the pressed button's own name and value are still sent.
    setTimeout(() => {
      for (const button of form.querySelectorAll<HTMLButtonElement>("button:not([type=button])")) button.setAttribute("aria-busy", "true");
    });
  });
});
window.addEventListener("pageshow", () => {
  for (const button of document.querySelectorAll("[aria-busy=true]")) button.removeAttribute("aria-busy");
});

behaviour("[data-error-summary]", (summary) => {
  summary.focus();
  for (const link of summary.querySelectorAll<HTMLAnchorElement>("a[href^='#']")) {
    link.addEventListener("click", (event) => {
      const field = document.getElementById(link.hash.slice(1));
      if (!field) return;
      event.preventDefault();
      field.focus();
      field.scrollIntoView({ block: "center" });
    });
  }
});

// A form, or one of its buttons, that asks first. The question stands in the page's own dialog.
behaviour("form[data-confirm], button[data-confirm]", (element) => {
  const form = element.closest("form");
  if (!form) return;
  let agreed = false;
  form.addEventListener("submit", (event) => {
    const { submitter } = event;
    if (agreed || (element !== form && submitter !== element)) return;
    event.preventDefault();
    event.stopImmediatePropagation();
    const yes = make("button", { type: "button", class: "btn btn-primary" }, element.dataset["confirmYes"] ?? say("yes"));
    const no = make("button", { type: "button", class: "btn" }, say("cancel"));
    const question = make("p", { class: "mb-0", id: "confirm-question" }, element.dataset["confirm"] ?? "");
    const dialog = make("dialog", { "aria-labelledby": "confirm-question" });
    dialog.append(make("div", { class: "dialog-body" }, question), make("div", { class: "dialog-foot" }, no, yes));
    document.body.append(dialog);
    dialog.addEventListener("close", () => dialog.remove());
    no.addEventListener("click", () => dialog.close());
    yes.addEventListener("click", () => {
      agreed = true;
      dialog.close();
      form.requestSubmit(submitter instanceof HTMLElement ? submitter : null);
      agreed = false;
    });
    dialog.showModal();
    no.focus();
  }, { capture: true });
});

// A button that ticks every box of its group, or none where all are ticked.
behaviour("button[data-tick-all]", (button) => {
  const group = button.closest("fieldset");
  if (!group) return;
  button.hidden = false;
  button.addEventListener("click", () => {
    const boxes = [...group.querySelectorAll<HTMLInputElement>("input[type=checkbox]")];
    const all = boxes.every((box) => box.checked);
    for (const box of boxes) box.checked = !all;
    boxes[0]?.dispatchEvent(new Event("change", { bubbles: true }));
  });
});

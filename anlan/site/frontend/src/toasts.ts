/** Short messages that come by themselves, and what can be done about them. */
import { icon, make } from "./dom";
import { moment, say } from "./words";

interface Toast {
  text: string;
  url?: string | undefined;
  at?: string | undefined;
  critical?: boolean;
  action?: { words: string; run: () => void };
  stays?: boolean;
}

const most = 3;

function place(): HTMLElement {
  let list = document.getElementById("toasts");
  if (!list) {
    list = make("div", { id: "toasts", class: "toasts", role: "status", "aria-live": "polite" });
    document.body.append(list);
  }
  return list;
}

/** Shows a message; it leaves after eight seconds, or when three others have come, unless it `stays`. */
export function toast(message: Toast): HTMLElement {
  const words = make("div", {});
  words.append(message.url ? make("a", { href: message.url }, message.text) : message.text);
  if (message.at) words.append(make("time", { datetime: message.at }, moment(message.at)));
  const card = make("div", { class: message.critical ? "toast-card is-critical" : "toast-card" });
  card.append(message.critical ? icon("alert-hexagon") : icon("info-circle"), words);
  if (message.action) {
    const { words: label, run } = message.action;
    const button = make("button", { type: "button", class: "btn btn-sm" }, label);
    button.addEventListener("click", () => {
      card.remove();
      run();
    });
    words.append(make("div", { class: "mt-2" }, button));
  }
  const close = make("button", { type: "button", "aria-label": say("close") }, icon("x"));
  close.addEventListener("click", () => card.remove());
  card.append(close);
  const list = place();
  list.append(card);
  // When a hundred come at once nobody reads a hundred, and they would hide the page that lists them: the bell has them all.
  if (!message.stays) card.dataset["passing"] = "";
  for (const one of [...list.querySelectorAll("[data-passing]")].slice(0, -most)) one.remove();
  if (!message.stays) setTimeout(() => card.remove(), 8000);
  return card;
}

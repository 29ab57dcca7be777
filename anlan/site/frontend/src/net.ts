/** What a person sees when an answer is slow, wrong, or does not come at all. */
import htmx from "htmx.org";
import { behaviour } from "./behaviour";
import { toast } from "./toasts";
import { say } from "./words";

let under_way = 0;
let offline: HTMLElement | undefined;

function waiting(change: number): void {
  under_way = Math.max(0, under_way + change);
  document.body.classList.toggle("is-waiting", under_way > 0);
}

interface Failure {
  elt: HTMLElement;
  xhr?: XMLHttpRequest;
  requestConfig?: { verb: string; path: string; target?: HTMLElement };
}

function failed(event: Event, text: string): void {
  const { requestConfig } = (event as CustomEvent<Failure>).detail;
  const safe = requestConfig?.verb === "get";
  toast({
    text,
    critical: true,
    stays: true,
    // Only reading is repeated at a press: whether a write arrived is for the person to look up.
    ...(safe
      ? { action: { words: say("retry"), run: () => void htmx.ajax("get", requestConfig.path, requestConfig.target ?? document.body) } }
      : {}),
  });
}

document.addEventListener("htmx:beforeRequest", () => waiting(1));
document.addEventListener("htmx:afterRequest", () => waiting(-1));
document.addEventListener("htmx:sendError", (event) => failed(event, say("unreachable")));
document.addEventListener("htmx:timeout", (event) => failed(event, say("slow")));
document.addEventListener("htmx:responseError", (event) => {
  const status = (event as CustomEvent<Failure>).detail.xhr?.status ?? 0;
  const known: Record<number, string> = { 400: say("asked_wrong"), 403: say("forbidden"), 404: say("gone"), 409: say("changed"), 413: say("large") };
  failed(event, known[status] ?? say("broken"));
});

window.addEventListener("offline", () => {
  offline = toast({ text: say("offline"), critical: true, stays: true });
});
window.addEventListener("online", () => {
  offline?.remove();
  toast({ text: say("online") });
});

// Leaving by a link or a form shows the same line; coming back from the page cache clears it.
window.addEventListener("beforeunload", () => waiting(1));
window.addEventListener("pageshow", () => waiting(-under_way));

behaviour("a[download]", (link) => {
  // A download does not leave the page, so the line must not stay.
  link.addEventListener("click", () => setTimeout(() => waiting(-under_way), 1500));
});

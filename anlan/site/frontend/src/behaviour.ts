/** Attaches behaviour to elements by selector, now and in whatever htmx brings later. */

type Attach = (element: HTMLElement) => void;

let started = false;
const behaviours: { selector: string; attach: Attach; done: WeakSet<Element> }[] = [];

function run(root: ParentNode): void {
  for (const { selector, attach, done } of behaviours) {
    const found = [...root.querySelectorAll<HTMLElement>(selector)];
    if (root instanceof HTMLElement && root.matches(selector)) found.unshift(root);
    for (const element of found) {
      if (done.has(element)) continue;
      done.add(element);
      attach(element);
    }
  }
}

/** Declares what happens with every element that matches `selector`, once for each. */
export function behaviour(selector: string, attach: Attach): void {
  behaviours.push({ selector, attach, done: new WeakSet() });
  if (started) run(document); // a bundle that came after the first
}

/** Attaches everything declared; call once, when all modules are loaded. */
export function start(): void {
  started = true;
  run(document);
  document.addEventListener("htmx:load", (event) => run((event as CustomEvent<{ elt: HTMLElement }>).detail.elt));
}

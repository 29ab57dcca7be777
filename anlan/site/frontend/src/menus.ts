/** Drop-downs, the drawer, dialogs, and the small things that an attribute asks for. */
import { behaviour } from "./behaviour";
import { toast } from "./toasts";
import { say } from "./words";

behaviour("details[data-menu]", (menu) => {
  const details = menu as HTMLDetailsElement;
  menu.addEventListener("keydown", (event) => {
    if (event.key === "Escape" && details.open) {
      details.open = false;
      menu.querySelector<HTMLElement>("summary")?.focus();
      event.stopPropagation();
    }
  });
  menu.addEventListener("focusout", (event) => {
    if (event.relatedTarget instanceof Node && !menu.contains(event.relatedTarget)) details.open = false;
  });
  document.addEventListener("click", (event) => {
    if (event.target instanceof Node && !menu.contains(event.target)) details.open = false;
  });
});

behaviour("[data-drawer]", (button) => {
  const set = (open: boolean): void => {
    document.body.classList.toggle("menu-open", open);
    button.setAttribute("aria-expanded", String(open));
  };
  button.addEventListener("click", (event) => {
    event.stopPropagation();
    set(!document.body.classList.contains("menu-open"));
    if (document.body.classList.contains("menu-open")) document.querySelector<HTMLElement>(".side a")?.focus();
  });
  document.addEventListener("click", (event) => {
    if (event.target instanceof Element && !event.target.closest(".side")) set(false);
  });
  document.addEventListener("keydown", (event) => {
    if (event.key === "Escape" && document.body.classList.contains("menu-open")) {
      set(false);
      button.focus();
    }
  });
});

behaviour("[data-dialog-close]", (button) => {
  button.addEventListener("click", () => button.closest("dialog")?.close());
});

behaviour("[data-print]", (button) => button.addEventListener("click", () => window.print()));

behaviour("[data-copy]", (button) => {
  button.addEventListener("click", () => {
    void navigator.clipboard.writeText(button.dataset["copy"] ?? "").then(
      () => toast({ text: say("copied") }),
      () => toast({ text: say("uncopied"), critical: true }),
    );
  });
});

behaviour("[data-back]", (button) => {
  if (history.length < 2) button.hidden = true;
  button.addEventListener("click", () => history.back());
});
behaviour("[data-reload]", (button) => button.addEventListener("click", () => location.reload()));

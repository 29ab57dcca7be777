/** `data-full-screen`: the page takes the whole screen, and gives it back. */
import { behaviour } from "./behaviour";

behaviour("[data-full-screen]", (button) => {
  button.addEventListener("click", () => {
    if (document.fullscreenElement) void document.exitFullscreen();
    else void document.documentElement.requestFullscreen();
  });
});

// On a wall where boards take turns the arrows lead to the next and to the one before.
document.addEventListener("keydown", (event) => {
  if (event.altKey || event.ctrlKey || event.metaKey) return;
  document.querySelector<HTMLElement>(`[data-turn-key="${CSS.escape(event.key)}"]`)?.click();
});

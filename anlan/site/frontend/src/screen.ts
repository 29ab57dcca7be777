/** `data-full-screen`: the page takes the whole screen, and gives it back. */
import { behaviour } from "./behaviour";

behaviour("[data-full-screen]", (button) => {
  button.addEventListener("click", () => {
    if (document.fullscreenElement) void document.exitFullscreen();
    else void document.documentElement.requestFullscreen();
  });
});

// What does not fit on the wall at once is shown screen by screen while the board stands.
behaviour("[data-turn]", (turn) => {
  const seconds = Number(turn.dataset["turn"]);
  const still = matchMedia("(prefers-reduced-motion: reduce)").matches;
  window.scrollTo(0, 0);
  let stood = 0;
  const pause = setInterval(() => {
    if (!turn.isConnected) return clearInterval(pause);
    const screens = Math.ceil(document.documentElement.scrollHeight / innerHeight - 0.02);
    const before = Math.floor((stood * screens) / seconds);
    const now = Math.min(Math.floor((++stood * screens) / seconds), screens - 1);
    if (now > before) window.scrollTo({ top: now * innerHeight, behavior: still ? "instant" : "smooth" });
  }, 1000);
});

// On a wall where boards take turns the arrows lead to the next and to the one before.
document.addEventListener("keydown", (event) => {
  if (event.altKey || event.ctrlKey || event.metaKey) return;
  document.querySelector<HTMLElement>(`[data-turn-key="${CSS.escape(event.key)}"]`)?.click();
});

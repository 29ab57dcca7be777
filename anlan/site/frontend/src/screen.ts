/** `data-full-screen`: the page takes the whole screen, and gives it back. */
import { behaviour } from "./behaviour";

behaviour("[data-full-screen]", (button) => {
  button.addEventListener("click", () => {
    if (document.fullscreenElement) void document.exitFullscreen();
    else void document.documentElement.requestFullscreen();
  });
});

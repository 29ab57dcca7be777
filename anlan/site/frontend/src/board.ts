/** What the situation board needs besides `main.ts`: charts and, where the page has one, the map. */
import { behaviour } from "./behaviour";
import "./charts";
import "./pictures";
import "./styles/board.scss";

// The map is the largest part by far: it comes when the rest can be read already.
behaviour("[data-map]", (place) => {
  void import("./map").then(({ draw }) => draw(place));
});

behaviour("[data-full-screen]", (button) => {
  button.addEventListener("click", () => {
    if (document.fullscreenElement) void document.exitFullscreen();
    else void document.documentElement.requestFullscreen();
  });
});

/** A device's page: its curves, and its track. Each comes when it is to be seen. */
import { behaviour } from "./behaviour";
import "./styles/board.scss";
import "./styles/watch.scss";

behaviour("[data-curves]", (place) => {
  void import("./curves").then(({ draw }) => draw(place));
});

behaviour("[data-track]", (place) => {
  void import("./track").then(({ draw }) => draw(place));
});

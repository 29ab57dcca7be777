/** What the situation board needs besides `main.ts`: charts and, where the page has one, the map. */
import { behaviour } from "./behaviour";
import "./charts";
import "./pictures";
import "./screen";
import "./styles/board.scss";

// The map is the largest part by far: it comes when the rest can be read already.
behaviour("[data-map]", (place) => {
  void import("./map").then(({ draw }) => draw(place));
});

/** What the live map needs besides `main.ts`: filters that keep the view, full screen, and the map when the list can be read. */
import { behaviour } from "./behaviour";
import "./screen";
import "./styles/board.scss";
import "./styles/watch.scss";

behaviour("[data-watch]", (place) => {
  void import("./watching").then(({ draw }) => draw(place));
});

behaviour("form[data-watch-filters]", (element) => {
  const form = element as HTMLFormElement;
  form.addEventListener("change", () => form.requestSubmit());
  form.addEventListener("submit", (event) => {
    // What one looks at stays: the view stands behind the # of the address.
    event.preventDefault();
    const asked = [...new FormData(form)].filter(([, value]) => value !== "") as [string, string][];
    location.assign(`${location.pathname}?${new URLSearchParams(asked).toString()}${location.hash}`);
  });
});

behaviour("a[data-keeps-hash]", (element) => {
  const link = element as HTMLAnchorElement;
  link.addEventListener("click", () => {
    link.hash = location.hash;
  });
});

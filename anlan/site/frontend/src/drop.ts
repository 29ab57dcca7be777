/** A place to drop a file on: it goes into the place's own file field, and its name and size are shown. */
import { behaviour } from "./behaviour";

const size = new Intl.NumberFormat(document.documentElement.lang, { maximumFractionDigits: 1 });

behaviour("[data-drop]", (place) => {
  const field = place.querySelector<HTMLInputElement>("input[type=file]");
  const told = place.querySelector<HTMLElement>("[data-drop-file]");
  if (!field || !told) return;
  const show = (): void => {
    const file = field.files?.[0];
    told.hidden = !file;
    told.textContent = file ? `${file.name} · ${size.format(file.size / 1024)} KB` : "";
    place.classList.toggle("is-full", Boolean(file));
  };
  field.addEventListener("change", show);
  for (const kind of ["dragenter", "dragover"]) {
    place.addEventListener(kind, (event) => {
      event.preventDefault();
      place.classList.add("is-over");
    });
  }
  place.addEventListener("dragleave", (event) => {
    if (!place.contains(event.relatedTarget as Node | null)) place.classList.remove("is-over");
  });
  place.addEventListener("drop", (event) => {
    event.preventDefault();
    place.classList.remove("is-over");
    if (!event.dataTransfer?.files.length) return;
    field.files = event.dataTransfer.files;
    show();
  });
  show();
});

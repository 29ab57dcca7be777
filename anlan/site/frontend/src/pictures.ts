/** Figures as pictures to take away: whatever draws a figure says how, and the heat map, which is a table, is drawn here. */
import { behaviour } from "./behaviour";
import { colour } from "./colours";

/** Lets the figure's button make its picture. */
export function onPicture(figure: Element, make: () => void): void {
  figure.querySelector("[data-picture]")?.addEventListener("click", make);
}

/** Gives the picture (a data address) to the person under the figure's name. */
export function save(url: string, figure: Element): void {
  const link = document.createElement("a");
  link.href = url;
  link.download = `${(figure as HTMLElement).dataset["name"] ?? "figure"}.png`;
  link.click();
}

/** A canvas of the page's surface, so many CSS pixels large and twice as sharp; null where the browser has none to give. */
export function sheet(width: number, height: number): CanvasRenderingContext2D | null {
  const canvas = document.createElement("canvas");
  [canvas.width, canvas.height] = [width * 2, height * 2];
  const paper = canvas.getContext("2d");
  if (!paper) return null;
  paper.scale(2, 2);
  paper.fillStyle = colour("surface");
  paper.fillRect(0, 0, width, height);
  return paper;
}

behaviour("figure.figure-heat", (figure) => {
  onPicture(figure, () => {
    const table = figure.querySelector("table");
    if (!table) return;
    const whole = table.getBoundingClientRect();
    const paper = sheet(whole.width, whole.height);
    if (!paper) return;
    for (const cell of table.querySelectorAll<HTMLTableCellElement>("th, td")) {
      const box = cell.getBoundingClientRect();
      const look = getComputedStyle(cell);
      const upright = cell.closest("thead") !== null;
      const [x, y] = [box.left - whole.left, box.top - whole.top];
      if (cell.tagName === "TD") {
        paper.fillStyle = look.backgroundColor;
        paper.fillRect(x, y, box.width, box.height);
      }
      paper.fillStyle = look.color;
      paper.font = `${look.fontWeight} ${look.fontSize} ${look.fontFamily}`;
      paper.textBaseline = "middle";
      paper.textAlign = cell.tagName === "TD" ? "center" : "left";
      paper.save();
      if (upright) {
        paper.translate(x + box.width / 2, y + box.height - 4);
        paper.rotate(-Math.PI / 2);
      } else paper.translate(cell.tagName === "TD" ? x + box.width / 2 : x + 12, y + box.height / 2);
      paper.fillText(cell.textContent?.trim() ?? "", 0, 0);
      paper.restore();
    }
    save(paper.canvas.toDataURL("image/png"), figure);
  });
});

/**
 * A photograph from the camera is made smaller before it is sent, so that it arrives over a slow line.
 *
 * `data-shrink="1600"`: no side longer than that many pixels. Where the browser cannot read the picture, or
 * the result is no smaller, the file is sent as it is. Encoding anew also leaves place and camera behind.
 */
import { behaviour } from "./behaviour";

const WORTH_IT = 400_000;

async function smaller(file: File, side: number): Promise<File> {
  if (!file.type.startsWith("image/") || file.size < WORTH_IT) return file;
  const picture = await createImageBitmap(file, { imageOrientation: "from-image" }).catch(() => null);
  if (!picture) return file;
  const scale = Math.min(1, side / Math.max(picture.width, picture.height));
  const canvas = document.createElement("canvas");
  canvas.width = Math.round(picture.width * scale);
  canvas.height = Math.round(picture.height * scale);
  canvas.getContext("2d")?.drawImage(picture, 0, 0, canvas.width, canvas.height);
  picture.close();
  const blob = await new Promise<Blob | null>((done) => canvas.toBlob(done, "image/jpeg", 0.8));
  if (!blob || blob.size >= file.size) return file;
  return new File([blob], file.name.replace(/\.\w+$/, "") + ".jpg", { type: "image/jpeg", lastModified: file.lastModified });
}

behaviour("input[type=file][data-shrink]", (element) => {
  const input = element as HTMLInputElement;
  const side = Number(input.dataset["shrink"]);
  input.addEventListener("change", async () => {
    const given = [...(input.files ?? [])];
    const made = await Promise.all(given.map((file) => smaller(file, side)));
    // Meanwhile another one may have been chosen.
    if (given.some((file, index) => input.files?.[index] !== file) || made.every((file, index) => file === given[index])) return;
    const kept = new DataTransfer();
    for (const file of made) kept.items.add(file);
    input.files = kept.files;
  });
});

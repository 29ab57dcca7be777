/**
 * One SVG sprite of the icons the product names, and no others.
 *
 * Names are found in templates (`{% icon "name" %}`, `icon="name"`), in Python (`icon="name"`,
 * `icon = "name"`, `"icon": "name"`) and in TypeScript (`icon("name")`). A name that Tabler's set
 * does not have stops the build, with the file that wrote it.
 */
import { createHash } from "node:crypto";
import { existsSync, readdirSync, readFileSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { join, relative } from "node:path";

const outline = fileURLToPath(new URL("../node_modules/@tabler/icons/icons/outline", import.meta.url));
const patterns = {
  html: [/\{%\s*icon\s+"([a-z0-9-]+)"/g, /\bicon="([a-z0-9-]+)"/g],
  py: [/\bicon\s*(?::\s*\w+\s*)?=\s*"([a-z0-9-]+)"/g, /"icon":\s*"([a-z0-9-]+)"/g],
  ts: [/\bicon\("([a-z0-9-]+)"/g],
};
const skipped = new Set(["node_modules", "dist", "__pycache__", "tests", "migrations", "var"]);

function* files(folder) {
  for (const entry of readdirSync(folder, { withFileTypes: true })) {
    const path = join(folder, entry.name);
    if (entry.isDirectory()) {
      if (!skipped.has(entry.name)) yield* files(path);
    } else if (/\.(html|py|ts)$/.test(entry.name)) {
      yield path;
    }
  }
}

/** Icon name → the files that name it, over the whole package at `root`. */
export function named(root) {
  const found = new Map();
  for (const file of files(root)) {
    const text = readFileSync(file, "utf8");
    for (const pattern of patterns[file.slice(file.lastIndexOf(".") + 1)]) {
      for (const [, name] of text.matchAll(pattern)) {
        found.set(name, [...(found.get(name) ?? []), relative(root, file)]);
      }
    }
  }
  return found;
}

/** The sprite as text: one `<symbol id="name">` for each icon. */
export function sprite(root) {
  const symbols = [];
  const missing = [];
  for (const [name, where] of [...named(root)].sort(([a], [b]) => (a < b ? -1 : 1))) {
    const file = join(outline, `${name}.svg`);
    if (!existsSync(file)) {
      missing.push(`${name} (${where.join(", ")})`);
      continue;
    }
    const body = /<svg[^>]*>([\s\S]*)<\/svg>/.exec(readFileSync(file, "utf8"))[1];
    const lean = body.replace(/<path stroke="none"[^>]*\/>/, "").replace(/\s*\n\s*/g, "");
    symbols.push(`<symbol id="${name}" viewBox="0 0 24 24">${lean}</symbol>`);
  }
  if (missing.length) throw new Error(`no such Tabler icon: ${missing.join("; ")}`);
  return `<svg xmlns="http://www.w3.org/2000/svg">${symbols.join("")}</svg>`;
}

/** Vite plugin: writes the sprite beside the bundles and names it in the manifest as `icons`. */
export function icons(root) {
  return {
    name: "anlan-icons",
    apply: "build",
    generateBundle() {
      const source = sprite(root);
      const hash = createHash("sha256").update(source).digest("base64url").slice(0, 8);
      this.emitFile({ type: "asset", fileName: `assets/icons-${hash}.svg`, name: "icons.svg", originalFileName: "icons", source });
    },
  };
}

import { fileURLToPath } from "node:url";
import { defineConfig } from "vite";
import { compress } from "./build/compress.js";
import { icons } from "./build/icons.js";

const at = (path) => fileURLToPath(new URL(path, import.meta.url));
const out = at("../static/dist");

export default defineConfig({
  base: "/static/dist/",
  publicDir: at("public"),
  plugins: [icons(at("../..")), compress(out)],
  css: { preprocessorOptions: { scss: { quietDeps: true } } },
  build: {
    outDir: out,
    emptyOutDir: true,
    manifest: "manifest.json",
    target: "es2022",
    assetsInlineLimit: 0,
    modulePreload: { polyfill: false },
    // htmx can evaluate text; it is told not to, and the content-security policy would not let it.
    rolldownOptions: { checks: { eval: false, pluginTimings: false }, input: { main: at("src/main.ts"), board: at("src/board.ts"), compose: at("src/compose.ts"), place: at("src/place.ts"), watch: at("src/watch.ts"), device: at("src/device.ts") } },
  },
});

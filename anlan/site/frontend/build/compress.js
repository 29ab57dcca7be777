/** Writes a `.gz` beside each text file, which the static server hands out as it is. */
import { readdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { constants, gzipSync } from "node:zlib";

export function compress(folder) {
  return {
    name: "anlan-compress",
    apply: "build",
    closeBundle() {
      for (const name of readdirSync(folder, { recursive: true })) {
        if (!/\.(m?js|css|svg|json|webmanifest)$/.test(name)) continue;
        const path = join(folder, name);
        writeFileSync(`${path}.gz`, gzipSync(readFileSync(path), { level: constants.Z_BEST_COMPRESSION }));
      }
    },
  };
}

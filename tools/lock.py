"""Makes the locks (requirements*.lock) anew: every version with its hashes, no address in them."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]


def main() -> None:
    known = "requirements.lock"
    for name, constraint in (("requirements", None), ("requirements-dev", known), ("requirements-spark", known)):
        command = [
            str(Path(sys.executable).parent / "uv"), "pip", "compile", "--quiet", "--universal",
            "--python-version", "3.11", "--generate-hashes", "--no-header", "--no-emit-index-url",
            "--no-emit-find-links", "--upgrade", "--output-file", f"{name}.lock", f"{name}.in",
        ]  # fmt: skip
        if constraint:
            command += ["--constraints", constraint]
        subprocess.run(command, cwd=ROOT, check=True)
        text = (ROOT / f"{name}.lock").read_text()
        if "://" in text or " @ " in text:
            sys.exit(f"{name}.lock holds an address")


if __name__ == "__main__":
    main()

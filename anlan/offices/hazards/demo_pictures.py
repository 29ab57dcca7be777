"""Photographs of the demonstration: drawings that say of themselves that they are synthetic (合成样张).

Drawn without a font, so that they are the same bytes on every machine: the four characters are strokes. A
subject's drawing looks the same for every case that shows it; the case's number within makes each a file of its own, as
photographs are: the same one in two cases would be a find (`honesty.py`).
"""

from __future__ import annotations

import hashlib
import io
from functools import cache
from random import Random
from zlib import crc32

from PIL import Image, ImageDraw

from anlan.kernel import files

WIDTH, HEIGHT = 320, 240
HEAD = 33
"""Bytes of a PNG before its second chunk."""
STROKES = {
    "合": ((8, 0, 0, 6), (8, 0, 16, 6), (4, 7, 12, 7), (3, 10, 13, 10, 13, 16, 3, 16, 3, 10)),
    "成": ((2, 4, 15, 4), (3, 4, 3, 11, 0, 16), (3, 9, 7, 9, 7, 13, 5, 13), (9, 0, 10, 8, 15, 16), (15, 8, 9, 15),
           (13, 0, 15, 2)),
    "样": ((0, 5, 6, 5), (3, 0, 3, 16), (3, 6, 0, 11), (3, 6, 6, 10), (8, 0, 10, 3), (15, 0, 13, 3), (8, 4, 16, 4),
           (8, 8, 15, 8), (7, 12, 16, 12), (12, 4, 12, 16)),
    "张": ((0, 1, 5, 1, 5, 5, 0, 5, 0, 10, 5, 10, 4, 16, 2, 16), (9, 0, 9, 15, 12, 13), (7, 8, 16, 8), (15, 2, 10, 7),
           (9, 8, 16, 16)),
}  # fmt: skip
"""Each character as lines on a grid of 16 by 16."""


def kept(subject: str, shows: str, number: str) -> files.Kept:
    """The drawing of a subject for the case of that number, in the store; `shows` is `before`, `after` or `on_site`."""
    plain, written = drawing(subject, shows), b"tEXtComment\0" + number.encode("ascii", "backslashreplace")
    data = plain[:HEAD] + (len(written) - 4).to_bytes(4) + written + crc32(written).to_bytes(4) + plain[HEAD:]
    kept = files.Kept(hashlib.sha256(data).hexdigest(), len(data), "image/png")
    target = files.path_of(kept.sha256)
    target.parent.mkdir(exist_ok=True)
    # Thousands of drawings, made again with the next load: not flushed one by one, as what people give is.
    incoming = target.with_name(f"incoming-{kept.sha256}")
    incoming.write_bytes(data)
    incoming.chmod(0o440)
    incoming.replace(target)
    return kept


@cache
def drawing(subject: str, shows: str) -> bytes:
    """A schematic picture as PNG of one to three KB: the fault marked before, mended afterwards."""
    rng = Random(f"{subject} {shows == 'before'}")  # noqa: S311 (synthetic data)
    scene = Random(subject)  # noqa: S311 (synthetic data)
    hue = scene.randrange(360)
    ground = f"hsl({hue}, 18%, {78 if shows == 'before' else 88}%)"
    image = Image.new("RGB", (WIDTH, HEIGHT), ground)
    draw = ImageDraw.Draw(image)
    draw.rectangle((0, 170, WIDTH, HEIGHT), fill=f"hsl({hue}, 12%, 60%)")
    for _n in range(4):
        x, y, w, h = (
            scene.randrange(10, 250),
            scene.randrange(30, 120),
            scene.randrange(30, 90),
            scene.randrange(30, 80),
        )
        draw.rectangle((x, y, x + w, min(y + h, 200)), fill=f"hsl({(hue + 40) % 360}, 15%, {scene.randrange(45, 75)}%)",
                       outline="#3a4448", width=2)  # fmt: skip
    x, y = scene.randrange(80, 220), scene.randrange(70, 140)
    if shows == "before":
        points = [(x, y)] + [(x + 9 * n, y + rng.randrange(-14, 15)) for n in range(1, 7)]
        draw.line(points, fill="#222", width=3)
        draw.ellipse((x - 14, y - 30, x + 70, y + 30), outline="#86206b", width=4)
    else:
        draw.rectangle((x, y - 16, x + 56, y + 16), fill=f"hsl({hue}, 30%, 82%)", outline="#2c6e49", width=4)
        draw.line(((x + 14, y), (x + 25, y + 9), (x + 44, y - 10)), fill="#2c6e49", width=5)
    if shows == "on_site":
        draw.rectangle((6, 210, 120, 234), outline="#2c6e49", width=2)
    _mark(draw)
    out = io.BytesIO()
    image.convert("P", palette=Image.Palette.ADAPTIVE, colors=32).save(out, "PNG", optimize=True)
    return out.getvalue()


def _mark(draw: ImageDraw.ImageDraw) -> None:
    """合成样张, large enough to be read in a thumbnail."""
    draw.rectangle((WIDTH - 152, 4, WIDTH - 4, 44), fill="#ffffff", outline="#86206b", width=2)
    for place, strokes in enumerate(STROKES.values()):
        left, top = WIDTH - 144 + place * 34, 10
        for stroke in strokes:
            points = [(left + stroke[n] * 1.75, top + stroke[n + 1] * 1.75) for n in range(0, len(stroke), 2)]
            draw.line(points, fill="#86206b", width=3)

"""`anlan new register …`: writes the start of a register."""

from __future__ import annotations

import re
from pathlib import Path

import click

_MODEL = '''

class {model}(Kept):
    """What one {words} is, and what it is kept for."""

    scope_rule = By(area="area_code", industry=ANY, enterprise=None)

    name = models.CharField(_("Name"), max_length=120, db_collation="C")
    area_code = AreaCode(_("Area"))

    class Meta:
        verbose_name = _("{title}")
        indexes: ClassVar = [models.Index(fields=("area_code", "id")), models.Index(fields=("name", "id", "area_code"))]

    def __str__(self) -> str:
        return self.name
'''
_REGISTER = """

@register
class {model}s(Register):
    name = "{name}"
    model = {model}
    title = _("{title}s")
    singular = _("{title}")
    icon = "list"
    group = "{app}"
    columns = ("name", "area_code")
    filters = ("area_code",)
    search = ("name",)
    natural_key = ("name",)
    sections = ((_("{title}"), ("name", "area_code")),)
    order = "name"
    rights = Rights(see=OFFICIALS, add={{"district"}}, change={{"district"}})
"""
_MODEL_HEAD = '''"""What is kept here."""

from __future__ import annotations

from typing import ClassVar

from django.db import models
from django.utils.translation import gettext_lazy as _

from anlan.kernel.models import AreaCode, Kept
from anlan.kernel.scope import ANY, By
'''
_REGISTER_HEAD = '''"""How it is listed, filled in, imported and served."""

from django.utils.translation import gettext_lazy as _

from anlan.kernel.policy import OFFICIALS, Rights
from anlan.kernel.registers import Register, register

from {module} import {model}
'''


def write(name: str, folder: Path, package: str) -> list[Path]:
    """Writes a model and a declaration for the register `name` (plural, with dashes) into an app's folder.

    Raises ValueError for a name that cannot be, or where the files are there already.
    """
    if not re.fullmatch(r"[a-z][a-z0-9]*(-[a-z0-9]+)*s", name):
        raise ValueError(f"{name}: a register is called by a plural of lower-case letters, digits and dashes")
    single, model = name[:-1], _model(name)
    stem = single.replace("-", "_")
    words = single.replace("-", " ")
    facts = {"name": name, "model": model, "words": words, "title": words.capitalize(), "app": package.split(".")[-1]}
    files = {
        folder / f"{stem}_models.py": _MODEL_HEAD + _MODEL.format(**facts),
        folder / f"{stem}_register.py": _REGISTER_HEAD.format(module=f".{stem}_models", **facts)
        + _REGISTER.format(**facts),
    }
    present = [path for path in files if path.exists()]
    if present:
        raise ValueError(f"{present[0]} is there already")
    for path, text in files.items():
        path.write_text(text, encoding="utf-8")
    return list(files)


def _model(name: str) -> str:
    return "".join(part.capitalize() for part in name[:-1].split("-"))


@click.group("new")
def new() -> None:
    """Write the start of something."""


@new.command("register")
@click.argument("name")
@click.option("--app", required=True, help="The app's label: parties, hazards …")
def new_register(name: str, app: str) -> None:
    """Write the model and the declaration of a register."""
    from django.apps import apps

    try:
        config = apps.get_app_config(app)
        written = write(name, Path(config.path), config.name)
    except (LookupError, ValueError) as error:
        click.echo(str(error), err=True)
        raise SystemExit(2) from None
    for path in written:
        click.echo(path)
    stem = written[0].stem.removesuffix("_models")
    click.echo(f"Next, in the app's models:       from {config.name}.{stem}_models import {_model(name)}  # noqa: F401")
    click.echo(f"in its registers.py:             from . import {stem}_register  # noqa: F401")
    click.echo(f"then: anlan makemigrations {app} (docs/how-to/add-a-register.md)")


COMMANDS = [new]

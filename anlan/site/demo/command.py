"""`anlan demo`."""

from __future__ import annotations

import sys

import click


@click.command()
@click.option("--scale", default="small", show_default=True, help="How large: small, city or province.")
def demo(scale: str) -> None:
    """Load the demonstration city into an empty installation; a larger scale also into the small city."""
    from anlan.site.secrets import demo_password

    from . import NotEmpty, load

    try:
        load(demo_password(), scale, click.echo)
    except NotEmpty:
        click.echo("this installation has accounts: the demonstration city needs an empty one", err=True)
        sys.exit(2)
    except ValueError as wrong:
        click.echo(str(wrong), err=True)
        sys.exit(2)

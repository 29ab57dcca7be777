"""Where the embedded server is found."""

from pathlib import Path
from tempfile import TemporaryDirectory

import pytest

from anlan.site.postgres import Server, socket_dir


@pytest.mark.parametrize("long", [False, True])
def test_the_socket_is_looked_for_at_one_place_before_and_after_the_data_are_placed(long: bool) -> None:
    with TemporaryDirectory(dir="/tmp") as short:  # pytest's own folders are too long
        home, elsewhere = Path(short) / ("h" * 90 if long else "h"), Path(short) / "e"
        for folder in (home, elsewhere):
            folder.mkdir()
        before = socket_dir(home)
        (home / "pg").symlink_to(elsewhere)
        assert socket_dir(home) == before
        # The server itself names the place behind the link, or the short path as it is.
        assert Server(home).socket == (before if long else elsewhere)
        assert len(str(before)) < 80

"""On which line of a YAML file something stands, so that a fault in it can be found."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

import yaml

Place = tuple[Any, ...]
"""The way to a value: keys of mappings and numbers of lists, from the outside in."""


def lines(node: yaml.Node | None, place: Place = ()) -> Iterator[tuple[Place, int]]:
    """Each place in the node with its line, the first being 1."""
    if node is None:
        return
    yield place, node.start_mark.line + 1
    if isinstance(node, yaml.MappingNode):
        for key, value in node.value:
            yield from lines(value, (*place, key.value))
    elif isinstance(node, yaml.SequenceNode):
        for number, value in enumerate(node.value):
            yield from lines(value, (*place, number))


def line(of: Mapping[Place, int], place: Place) -> int:
    """The line of a place; of one that is missing that of the nearest one around it."""
    while place and place not in of:
        place = place[:-1]
    return of.get(place, 1)

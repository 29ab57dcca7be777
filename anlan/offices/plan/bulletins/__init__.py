"""Bulletins: what the records say of a month, a quarter or a year, drafted as an official paper.

`facts.gather` computes, `draft.paper` writes: the second knows nothing but what the first found, so that a bulletin can
be made again from its facts alone. See docs/how-to/bulletins.md.
"""

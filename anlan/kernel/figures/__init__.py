"""Figures: the measures that offices declare, computed from the records that a person may see.

An office's `measures.py` declares; `computing.compute` computes through the application's own connection, so that
row security holds; `lists.records_url` gives the list whose records a figure counts. See docs/measures.md.
"""

from .declaring import demanded, measure, measured_clauses, mismatch, ratio, source, titles

__all__ = ["demanded", "measure", "measured_clauses", "mismatch", "ratio", "source", "titles"]

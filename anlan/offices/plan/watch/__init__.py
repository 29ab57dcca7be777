"""Somebody is warned when a target slips, or when the proof of a clause is due and missing; once, not every night."""

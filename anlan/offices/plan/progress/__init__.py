"""Duty-holders report what they did for each clause and period; tiers above approve it; closed months are locked."""

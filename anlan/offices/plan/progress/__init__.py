"""Duty-holders report what they did for each clause and period; the tiers above approve it; closed periods are locked."""

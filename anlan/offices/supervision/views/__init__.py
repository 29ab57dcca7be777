"""Pages of the supervision office that are no plain register or case page."""

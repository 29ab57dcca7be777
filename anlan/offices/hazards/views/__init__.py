"""Pages of the hidden-danger office that are no plain register or case page."""

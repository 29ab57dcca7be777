"""Numbers in Chinese as statistics are printed: in groups of three."""

THOUSAND_SEPARATOR = ","
NUMBER_GROUPING = 3

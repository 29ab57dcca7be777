"""The situation board: every number a measure, every chart with its table, cut to the reader's scope."""

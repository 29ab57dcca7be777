"""Pages of the plan itself: its draft beside the source, its way to adoption, its clauses, duties and history."""

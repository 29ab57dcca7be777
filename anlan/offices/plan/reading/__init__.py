"""A notice's text read into clauses and quantified targets, each where it stands in its source. Knows no database."""

"""Content: what is asked and exercised, its validation, branching and scoring, and the library."""

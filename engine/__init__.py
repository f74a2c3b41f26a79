"""The EMA core: what is asked when, what became of it, and the store that remembers.

Pure modules (`protocol`, `planning`, `availability`, `localtime`, `prompt`, `compliance`) take
clock and randomness as arguments; `commands` holds one function a use case; `store` is the only
place that knows SQLAlchemy.
"""

"""A made-up clinic that lives through some weeks on a virtual clock, through the real code.

`clinic` sets it up, `days` moves the clock and runs the ticks, `outside` is a second process with
the API and the `phones` that call it over HTTP, `figures` counts what came of it.
"""

"""A made-up clinic that lives through some weeks on a virtual clock, through the real code.

`clinic` sets it up, `phones` play the patients' devices over HTTP, `days` moves the clock and runs
the ticks, `figures` counts what came of it.
"""

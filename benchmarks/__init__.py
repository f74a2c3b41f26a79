"""Speed, as ratios of two ways measured side by side in one run; never part of the tests.

A figure by itself says more about the machine than about the code, so none stands alone: each
benchmark measures ours and a baseline in turns, in the same process, and the ratio is what counts.
"""

"""Use cases: one function each, one transaction each, clock and database passed in.

`enrolling` brings patients and their devices in, `scheduling` plans and re-plans, `answering`
takes what phones report.
"""

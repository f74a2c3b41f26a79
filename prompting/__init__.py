"""Deciding when to prompt, and delivering the prompt.

`policies` give each slot a probability, `decide` draws and commits, `dispatch` claims and sends
through `fcm`, `learning` turns answers and silences into the next model, `ticks` binds the five
regular jobs together and `worker` runs them on the clock.
"""

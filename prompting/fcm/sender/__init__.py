"""The sender in a process of its own, so that sending and the store each have a core.

`process.SenderProcess` is the pusher the dispatcher knows; `__main__` is the process behind it,
which holds connections, rate limit and breaker; `wire` is what the two say to each other.
"""

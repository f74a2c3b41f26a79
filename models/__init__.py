"""Learned models, their worlds and their evaluation; database tables live in engine.store.

Everything here is pure: arrays in, arrays out, with seeds passed in. Only numpy, scipy and
scikit-learn are used.
"""

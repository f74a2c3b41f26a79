"""What adapting the timing did, with intervals that respect persons."""

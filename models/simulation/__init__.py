"""Patient worlds and runs of timing policies in them."""

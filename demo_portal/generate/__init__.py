"""Two years of a believable business, the same for the same seed."""

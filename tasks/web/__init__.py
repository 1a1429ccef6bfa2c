"""The only door to the network: every request and every limit on it."""

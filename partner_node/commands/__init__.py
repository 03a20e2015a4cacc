"""The commands of `fedcarbon-partner-node`."""

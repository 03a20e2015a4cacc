"""Generated from proto/fedcarbon/node/v1: between a platform and its own node."""

"""Generated from proto/fedcarbon/v1: the language between organisations."""

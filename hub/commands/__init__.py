"""The commands of `fedcarbon-hub`, one file per noun; `hub.__main__` puts them together."""

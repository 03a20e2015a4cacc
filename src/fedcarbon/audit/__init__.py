"""The auditor: replays a record from its files and the trust roots, and believes nobody."""

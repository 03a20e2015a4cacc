"""The in-house service: what the platform's own back end calls."""

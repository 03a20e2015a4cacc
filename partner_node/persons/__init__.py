"""People of the platform: linking, consent, withdrawal, their own summary."""

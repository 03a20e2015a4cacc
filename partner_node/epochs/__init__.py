"""The epoch runner: claims, reveal, submission, and what must be true before each step."""

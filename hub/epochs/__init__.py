"""What moves epochs on: plans, closing, judging, sealing."""

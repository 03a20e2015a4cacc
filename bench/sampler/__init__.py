"""What is put before the programs of a profiled run: Python imports it by itself."""

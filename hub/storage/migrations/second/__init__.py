"""The tables that the second revision makes or makes anew."""

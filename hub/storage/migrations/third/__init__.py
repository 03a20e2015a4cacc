"""The tables that the third revision makes or makes anew."""

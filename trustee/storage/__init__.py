"""The trustee's own store: what it has read, promised, counted and refused."""

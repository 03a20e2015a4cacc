"""Uses of grams besides cash: what is published, ordered, bundled and expired."""

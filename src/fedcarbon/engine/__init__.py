"""Work that grows with people, over Arrow batches: here with all cores, elsewhere on a cluster."""

"""The record: leaves, bodies, files, receipts, and who may read them."""

"""Audits on site: opening drawn evidence to an auditor, and nothing else."""

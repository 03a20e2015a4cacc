"""A methodology run where the partner's data is: DuckDB, Parquet, or a Spark Connect server."""

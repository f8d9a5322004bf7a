"""Floor 2. The Parquet files on disk: folders, names, staging, placing, removing."""

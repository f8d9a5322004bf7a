-- Indexes of the catalog tables: the extension ignores and keeps them, a publish among 100,000 files needs them.

CREATE INDEX lake_file_ended ON ducklake_data_file (table_id, end_snapshot);
CREATE INDEX lake_file_begun ON ducklake_data_file (table_id, begin_snapshot);
CREATE INDEX lake_file_path ON ducklake_data_file (path);
CREATE INDEX lake_file_stats_of ON ducklake_file_column_stats (data_file_id);
CREATE INDEX lake_delete_file_of ON ducklake_delete_file (data_file_id);
CREATE INDEX lake_table_stats_of ON ducklake_table_stats (table_id);
CREATE INDEX lake_table_column_stats_of ON ducklake_table_column_stats (table_id);
CREATE INDEX lake_column_of ON ducklake_column (table_id);
CREATE INDEX lake_table_by_id ON ducklake_table (table_id);
CREATE INDEX lake_tag_of ON ducklake_tag (object_id);
CREATE INDEX lake_column_tag_of ON ducklake_column_tag (table_id);

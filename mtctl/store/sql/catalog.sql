-- The DuckLake 1.0 catalog: what a commit reads and writes, and what readers ask.

-- name: head
SELECT snapshot_id, schema_version, next_catalog_id, next_file_id, snapshot_time
FROM ducklake_snapshot ORDER BY snapshot_id DESC LIMIT 1

-- name: newest
SELECT max(snapshot_id) FROM ducklake_snapshot

-- name: metadata
SELECT "value" FROM ducklake_metadata WHERE "key" = :key AND "scope" IS NULL

-- name: add_metadata
INSERT INTO ducklake_metadata VALUES (:key, :value, NULL, NULL)

-- name: set_data_path
UPDATE ducklake_metadata SET "value" = :value WHERE "key" = 'data_path' AND "scope" IS NULL

-- name: add_schema
INSERT INTO ducklake_schema VALUES (0, :uuid, 0, NULL, 'main', '', 1)

-- name: add_snapshot
INSERT INTO ducklake_snapshot VALUES (:snapshot, :time, :schema_version, :next_catalog_id, :next_file_id)

-- name: add_changes
INSERT INTO ducklake_snapshot_changes VALUES (:snapshot, :changes, :author, :message, :extra)

-- name: add_table
INSERT INTO ducklake_table VALUES (:table, :uuid, :snapshot, NULL, :schema, :name, :folder, 1)

-- name: live_schema
SELECT schema_id, path FROM ducklake_schema WHERE schema_name = :name COLLATE NOCASE AND end_snapshot IS NULL

-- name: add_new_schema
-- Without a folder of its own: a table's folder lies where all of them lie.
INSERT INTO ducklake_schema VALUES (:schema, :uuid, :snapshot, NULL, :name, '', 1)

-- name: table_version
SELECT table_uuid, path FROM ducklake_table WHERE table_id = :table AND end_snapshot IS NULL

-- name: end_table
UPDATE ducklake_table SET end_snapshot = :snapshot WHERE table_id = :table AND end_snapshot IS NULL

-- name: add_table_stats
INSERT INTO ducklake_table_stats VALUES (:table, 0, 0, 0)

-- name: add_schema_version
INSERT INTO ducklake_schema_versions VALUES (:snapshot, :schema_version, :table)

-- name: add_column
INSERT INTO ducklake_column VALUES
  (:column, :snapshot, NULL, :table, :position, :name, :type, NULL, 'NULL', :nullable, NULL, 'literal', 'duckdb')

-- name: columns
SELECT column_id, column_name, column_type, nulls_allowed, column_order
FROM ducklake_column WHERE table_id = :table AND end_snapshot IS NULL AND parent_column IS NULL

-- name: greatest_column
SELECT coalesce(max(column_id), 0) FROM ducklake_column WHERE table_id = :table

-- name: end_column
UPDATE ducklake_column SET end_snapshot = :snapshot
WHERE table_id = :table AND column_id = :column AND end_snapshot IS NULL

-- name: end_columns
UPDATE ducklake_column SET end_snapshot = :snapshot WHERE table_id = :table AND end_snapshot IS NULL

-- name: end_tags
UPDATE ducklake_tag SET end_snapshot = :snapshot WHERE object_id = :table AND end_snapshot IS NULL

-- name: end_column_tags
UPDATE ducklake_column_tag SET end_snapshot = :snapshot WHERE table_id = :table AND end_snapshot IS NULL

-- name: end_data_files
UPDATE ducklake_data_file SET end_snapshot = :snapshot WHERE table_id = :table AND end_snapshot IS NULL

-- name: end_delete_files
UPDATE ducklake_delete_file SET end_snapshot = :snapshot WHERE table_id = :table AND end_snapshot IS NULL

-- name: comment
SELECT "value" FROM ducklake_tag WHERE object_id = :table AND "key" = 'comment' AND end_snapshot IS NULL

-- name: end_comment
UPDATE ducklake_tag SET end_snapshot = :snapshot
WHERE object_id = :table AND "key" = 'comment' AND end_snapshot IS NULL

-- name: add_comment
INSERT INTO ducklake_tag VALUES (:table, :snapshot, NULL, 'comment', :text)

-- name: column_comments
SELECT column_id, "value" FROM ducklake_column_tag
WHERE table_id = :table AND "key" = 'comment' AND end_snapshot IS NULL

-- name: end_column_comment
UPDATE ducklake_column_tag SET end_snapshot = :snapshot
WHERE table_id = :table AND column_id = :column AND "key" = 'comment' AND end_snapshot IS NULL

-- name: add_column_comment
INSERT INTO ducklake_column_tag VALUES (:table, :column, :snapshot, NULL, 'comment', :text)

-- name: end_data_file
-- A file under a delete file is not what the attempt read: it counts as moved.
UPDATE ducklake_data_file SET end_snapshot = :snapshot
WHERE data_file_id = :file AND table_id = :table AND end_snapshot IS NULL
  AND NOT EXISTS (SELECT 1 FROM ducklake_delete_file d WHERE d.data_file_id = :file AND d.end_snapshot IS NULL)

-- name: add_data_file
INSERT INTO ducklake_data_file VALUES
  (:file, :table, :snapshot, NULL, NULL, :path, 1, 'parquet', :rows, :bytes, :footer, :row_id_start,
   NULL, NULL, NULL, NULL)

-- name: path_taken
SELECT 1 FROM ducklake_data_file WHERE table_id = :table AND path = :path

-- name: add_column_stats
INSERT INTO ducklake_file_column_stats VALUES
  (:file, :table, :column, :bytes, :value_count, :null_count, :min, :max, :contains_nan, NULL)

-- name: add_file_digest
INSERT INTO data_file_digest VALUES (:file, :table_id, :sha256, :attempt)

-- name: next_row_id
SELECT next_row_id FROM ducklake_table_stats WHERE table_id = :table

-- name: grow_table_stats
-- record_count is gross on purpose: readers must never be able to answer min and max from statistics.
UPDATE ducklake_table_stats
SET record_count = record_count + :rows, next_row_id = next_row_id + :rows, file_size_bytes = file_size_bytes + :bytes
WHERE table_id = :table

-- name: forget_column_stats
DELETE FROM ducklake_table_column_stats WHERE table_id = :table

-- name: files_of
SELECT f.data_file_id, m.table_id, f.path, f.path_is_relative, m.folder, f.record_count, f.file_size_bytes,
       f.footer_size, f.row_id_start, f.begin_snapshot, d.sha256
FROM materialized_table m
JOIN ducklake_data_file f ON f.table_id = m.lake_table_id
LEFT JOIN data_file_digest d ON d.data_file_id = f.data_file_id
WHERE m.table_id = :table_id AND f.end_snapshot IS NULL
ORDER BY f.data_file_id

-- name: files_of_at
SELECT f.data_file_id, :table_id, f.path, f.path_is_relative, t.path, f.record_count, f.file_size_bytes,
       f.footer_size, f.row_id_start, f.begin_snapshot, d.sha256
FROM lake_table_of l
JOIN ducklake_table t ON t.table_id = l.lake_table_id
  AND t.begin_snapshot <= :snapshot AND (t.end_snapshot IS NULL OR t.end_snapshot > :snapshot)
  AND t.schema_id NOT IN (SELECT schema_id FROM ducklake_schema WHERE schema_name = '_mtctl')
JOIN ducklake_data_file f ON f.table_id = l.lake_table_id
  AND f.begin_snapshot <= :snapshot AND (f.end_snapshot IS NULL OR f.end_snapshot > :snapshot)
LEFT JOIN data_file_digest d ON d.data_file_id = f.data_file_id
WHERE l.table_id = :table_id
ORDER BY f.data_file_id

-- name: stats_of
SELECT data_file_id, column_id, column_size_bytes, value_count, null_count, min_value, max_value, contains_nan
FROM ducklake_file_column_stats
WHERE data_file_id IN (SELECT "value" FROM json_each(:files))
ORDER BY data_file_id, column_id

-- name: paths_at
SELECT l.table_id, f.path, f.path_is_relative, t.path
FROM json_each(:table_ids) j
JOIN lake_table_of l ON l.table_id = j."value"
JOIN ducklake_table t ON t.table_id = l.lake_table_id
  AND t.begin_snapshot <= :snapshot AND (t.end_snapshot IS NULL OR t.end_snapshot > :snapshot)
  AND t.schema_id NOT IN (SELECT schema_id FROM ducklake_schema WHERE schema_name = '_mtctl')
JOIN ducklake_data_file f ON f.table_id = l.lake_table_id
  AND f.begin_snapshot <= :snapshot AND (f.end_snapshot IS NULL OR f.end_snapshot > :snapshot)
ORDER BY l.table_id, f.data_file_id

-- name: known_paths
-- Renames give a table several rows, all with one path. Tables of other clients lie in folders of their schemas.
WITH folder (table_id, path, is_relative) AS (
  SELECT t.table_id, iif(t.path_is_relative, coalesce(s.path, ''), '') || coalesce(t.path, ''),
         t.path_is_relative AND coalesce(s.path_is_relative, 1)
  FROM ducklake_table t LEFT JOIN ducklake_schema s ON s.schema_id = t.schema_id)
SELECT DISTINCT iif(f.path_is_relative AND NOT t.is_relative, t.path || f.path, f.path),
       f.path_is_relative AND t.is_relative, t.path
FROM ducklake_data_file f JOIN folder t ON t.table_id = f.table_id
UNION
SELECT iif(d.path_is_relative AND NOT t.is_relative, t.path || d.path, d.path),
       d.path_is_relative AND t.is_relative, t.path
FROM ducklake_delete_file d JOIN folder t ON t.table_id = d.table_id
UNION
SELECT path, path_is_relative, '' FROM ducklake_files_scheduled_for_deletion

-- name: foreign_writes
SELECT 1 FROM lake_setting WHERE "key" = 'foreign_writes'

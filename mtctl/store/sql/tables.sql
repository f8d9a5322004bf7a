-- Definitions: tables, versions, lineage.

-- name: tables
SELECT m.table_id, m.uuid, m.lake_table_id, m.folder, m.epoch, m.version_id, m.origin, m.file, m.file_sha256,
       m.created_at, v.definition
FROM materialized_table m JOIN table_version v ON v.version_id = m.version_id
WHERE m.dropped_at IS NULL ORDER BY m.name

-- name: outlines
SELECT m.table_id, m.name, m.origin, m.file, v.outline
FROM materialized_table m JOIN table_version v ON v.version_id = m.version_id
WHERE m.dropped_at IS NULL ORDER BY m.name

-- name: tables_named
SELECT m.table_id, m.uuid, m.lake_table_id, m.folder, m.epoch, m.version_id, m.origin, m.file, m.file_sha256,
       m.created_at, v.definition
FROM materialized_table m JOIN table_version v ON v.version_id = m.version_id
WHERE m.dropped_at IS NULL AND m.name IN (SELECT "value" COLLATE NOCASE FROM json_each(:names)) ORDER BY m.name

-- name: table
-- Dropped ones too: an attempt may outlive its table.
SELECT m.table_id, m.uuid, m.lake_table_id, m.folder, m.epoch, m.version_id, m.origin, m.file, m.file_sha256,
       m.created_at, v.definition
FROM materialized_table m JOIN table_version v ON v.version_id = m.version_id
WHERE m.table_id = :table_id

-- name: live_table
SELECT m.table_id, m.uuid, m.lake_table_id, m.folder, m.epoch, m.version_id, m.origin, m.file, m.file_sha256,
       m.created_at, v.definition
FROM materialized_table m JOIN table_version v ON v.version_id = m.version_id
WHERE m.table_id = :table_id AND m.dropped_at IS NULL

-- name: table_id
SELECT table_id FROM materialized_table WHERE name = :name AND dropped_at IS NULL

-- name: is_live
SELECT epoch FROM materialized_table WHERE table_id = :table_id AND dropped_at IS NULL

-- name: add_table
INSERT INTO materialized_table
  (uuid, name, origin, file, file_sha256, file_size, file_mtime_ns, lake_table_id, folder, created_at)
VALUES (:uuid, :name, :origin, :file, :file_sha256, :file_size, :file_mtime_ns, :lake_table_id, :folder, :now)
RETURNING table_id

-- name: note_lake_table
INSERT INTO lake_table_of (lake_table_id, table_id) VALUES (:lake_table_id, :table_id)

-- name: change_table
UPDATE materialized_table
SET name = :name, origin = :origin, file = :file, file_sha256 = :file_sha256, file_size = :file_size,
    file_mtime_ns = :file_mtime_ns, lake_table_id = :lake_table_id, folder = :folder, epoch = epoch + :raise_epoch
WHERE table_id = :table_id

-- name: touch_file
UPDATE materialized_table
SET origin = 'file', file = :file, file_sha256 = :sha256, file_size = :size, file_mtime_ns = :mtime_ns
WHERE table_id = :table_id AND dropped_at IS NULL

-- name: drop_table
UPDATE materialized_table SET dropped_at = :now, epoch = epoch + 1 WHERE table_id = :table_id AND dropped_at IS NULL

-- name: add_version
-- The outline is what looking takes of the definition; `store.definition` reads it back in this order.
INSERT INTO table_version (table_id, fingerprint, definition, outline, created_at)
VALUES (:table_id, :fingerprint, :definition,
        json_extract(:definition, '$.mode', '$.zone', '$.partition', '$.start', '$.end', '$.delay', '$.open',
                     '$.schedule', '$.freshness', '$.comment', '$.tags'),
        :now)
RETURNING version_id

-- name: enforce_version
UPDATE materialized_table SET version_id = :version_id WHERE table_id = :table_id

-- name: version
SELECT definition FROM table_version WHERE version_id = :version_id

-- name: versions_like
SELECT version_id FROM table_version WHERE table_id = :table_id AND fingerprint = :fingerprint

-- name: clear_reads
DELETE FROM table_read WHERE table_id = :table_id

-- name: add_read
INSERT OR IGNORE INTO table_read (table_id, upstream_id) VALUES (:table_id, :upstream_id)

-- name: relink_readers
-- A table that comes back under its old name gets its readers back.
UPDATE OR REPLACE table_read SET upstream_id = :table_id
WHERE upstream_id IN (SELECT table_id FROM materialized_table WHERE name = :name AND dropped_at IS NOT NULL)

-- name: readers
-- One that holds nothing has nothing to be judged.
SELECT r.table_id FROM table_read r JOIN materialized_table m ON m.table_id = r.table_id
WHERE r.upstream_id = :table_id AND m.dropped_at IS NULL
  AND EXISTS (SELECT 1 FROM coverage c WHERE c.table_id = r.table_id)
ORDER BY r.table_id

-- name: applied_files
SELECT file, table_id, file_sha256, file_size, file_mtime_ns FROM materialized_table
WHERE file IS NOT NULL AND dropped_at IS NULL

-- name: any_rebuild
SELECT 1 FROM rebuild LIMIT 1

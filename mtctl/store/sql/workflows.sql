-- Workflows: what is in force, versions, marks, fires.

-- name: workflows
SELECT w.workflow_id, w.name, w.state, w.version, w.origin, v.definition, w.table_id, w.file, w.file_sha256,
       w.created_at, coalesce(w.changed_at, w.created_at), w.last_fire_at, w.next_fire_at, w.due_at
FROM workflow w JOIN workflow_version v ON v.workflow_id = w.workflow_id AND v.version = w.version
WHERE w.dropped_at IS NULL ORDER BY w.name

-- name: workflows_named
SELECT w.workflow_id, w.name, w.state, w.version, w.origin, v.definition, w.table_id, w.file, w.file_sha256,
       w.created_at, coalesce(w.changed_at, w.created_at), w.last_fire_at, w.next_fire_at, w.due_at
FROM workflow w JOIN workflow_version v ON v.workflow_id = w.workflow_id AND v.version = w.version
WHERE w.dropped_at IS NULL AND w.name IN (SELECT "value" COLLATE NOCASE FROM json_each(:names)) ORDER BY w.name

-- name: due
SELECT w.workflow_id, w.name, w.state, w.version, w.origin, v.definition, w.table_id, w.file, w.file_sha256,
       w.created_at, coalesce(w.changed_at, w.created_at), w.last_fire_at, w.next_fire_at, w.due_at
FROM workflow w CROSS JOIN workflow_version v
WHERE w.state = 'enabled' AND w.due_at IS NOT NULL AND w.due_at <= :now AND w.dropped_at IS NULL
  AND v.workflow_id = w.workflow_id AND v.version = w.version
ORDER BY w.due_at LIMIT :limit

-- name: next_due
SELECT due_at FROM workflow WHERE state = 'enabled' AND due_at IS NOT NULL AND dropped_at IS NULL
ORDER BY due_at LIMIT 1

-- name: counts
SELECT i.workflow_id, i.state, count(*) FROM workflow_instance i
WHERE i.workflow_id IN (SELECT "value" FROM json_each(:ids)) GROUP BY i.workflow_id, i.state

-- name: open_instances
SELECT instance_id, ulid, state, fire_at, started_at IS NOT NULL, serial FROM workflow_instance
WHERE workflow_id = :workflow_id AND ended_at IS NULL ORDER BY instance_id

-- name: skipped
SELECT first_fire_at, last_fire_at, fires, reason, at FROM skipped_fire
WHERE workflow_id = :workflow_id ORDER BY skipped_id DESC LIMIT :limit

-- name: versions
SELECT version, definition, created_at FROM workflow_version WHERE workflow_id = :workflow_id ORDER BY version

-- name: applied_files
SELECT file, workflow_id, file_sha256, file_size, file_mtime_ns FROM workflow
WHERE file IS NOT NULL AND dropped_at IS NULL

-- name: id_of
SELECT workflow_id, table_id FROM workflow WHERE name = :name AND dropped_at IS NULL

-- name: in_force
SELECT w.name, w.state, w.version, v.definition, w.last_fire_at, w.next_fire_at, w.due_at
FROM workflow w JOIN workflow_version v ON v.workflow_id = w.workflow_id AND v.version = w.version
WHERE w.workflow_id = :workflow_id AND w.dropped_at IS NULL

-- name: of_table
SELECT workflow_id FROM workflow WHERE table_id = :table_id AND dropped_at IS NULL

-- name: add
INSERT INTO workflow
  (name, table_id, state, version, origin, file, file_sha256, file_size, file_mtime_ns, last_fire_at, next_fire_at,
   due_at, created_at, changed_at)
VALUES (:name, :table_id, :state, 1, :origin, :file, :file_sha256, :file_size, :file_mtime_ns, :last_fire_at,
        :next_fire_at, :due_at, :now, :now)
RETURNING workflow_id

-- name: change
-- The mark only moves forward; NULL keeps it.
UPDATE workflow
SET name = :name, state = :state, version = :version, origin = :origin, file = :file, file_sha256 = :file_sha256,
    file_size = :file_size, file_mtime_ns = :file_mtime_ns, next_fire_at = :next_fire_at, due_at = :due_at,
    last_fire_at = coalesce(max(last_fire_at, :last_fire_at), last_fire_at, :last_fire_at), changed_at = :now
WHERE workflow_id = :workflow_id

-- name: add_version
INSERT INTO workflow_version (workflow_id, version, definition, created_at)
VALUES (:workflow_id, :version, :definition, :now)

-- name: forget_versions
DELETE FROM workflow_version

-- name: set_state
UPDATE workflow
SET state = :state, next_fire_at = :next_fire_at, due_at = :due_at,
    last_fire_at = coalesce(max(last_fire_at, :last_fire_at), last_fire_at, :last_fire_at)
WHERE workflow_id = :workflow_id AND dropped_at IS NULL AND state <> :state

-- name: set_mark
UPDATE workflow
SET next_fire_at = :next_fire_at, due_at = :due_at,
    last_fire_at = coalesce(max(last_fire_at, :last_fire_at), last_fire_at, :last_fire_at)
WHERE workflow_id = :workflow_id

-- name: version_of
SELECT version, state FROM workflow WHERE workflow_id = :workflow_id

-- name: drop
UPDATE workflow SET dropped_at = :now, state = 'disabled', next_fire_at = NULL, due_at = NULL
WHERE workflow_id = :workflow_id AND dropped_at IS NULL

-- name: touch_file
UPDATE workflow SET origin = 'file', file = :file, file_sha256 = :sha256, file_size = :size, file_mtime_ns = :mtime_ns
WHERE workflow_id = :workflow_id AND dropped_at IS NULL

-- name: move_mark
-- The compare and set: all that is fired lies behind the mark, so nobody has fired any of it.
UPDATE workflow
SET last_fire_at = :last_fire_at, next_fire_at = :next_fire_at, due_at = :due_at, state = :state
WHERE workflow_id = :workflow_id AND version = :version AND state = 'enabled' AND dropped_at IS NULL
  AND (last_fire_at IS NULL OR (last_fire_at <= :last_fire_at AND last_fire_at < :earliest))

-- name: add_skipped
INSERT INTO skipped_fire (workflow_id, first_fire_at, last_fire_at, fires, reason, at)
VALUES (:workflow_id, :first, :last, :fires, :reason, :now)

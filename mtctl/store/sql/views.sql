-- What lists and reports ask.

-- name: totals
SELECT m.table_id, coalesce(sum(f.record_count), 0), coalesce(sum(f.file_size_bytes), 0), count(f.data_file_id)
FROM materialized_table m
LEFT JOIN ducklake_data_file f ON f.table_id = m.lake_table_id AND f.end_snapshot IS NULL
WHERE m.dropped_at IS NULL GROUP BY m.table_id

-- name: last_attempts
SELECT a.table_id, a.outcome, a.ended_at, a.seconds, a.intervals, a.rows, a.error_code, a.error,
       (SELECT s.ended_at FROM attempt s WHERE s.table_id = m.table_id AND s.outcome = 'success'
        ORDER BY s.attempt_id DESC LIMIT 1)
FROM materialized_table m
JOIN attempt a ON a.attempt_id = (SELECT e.attempt_id FROM attempt e
                                  WHERE e.table_id = m.table_id AND e.outcome IS NOT NULL
                                  ORDER BY e.attempt_id DESC LIMIT 1)
WHERE m.dropped_at IS NULL

-- name: speed
SELECT j."value", sum(a.seconds), sum(a.intervals)
FROM json_each(:table_ids) j
JOIN attempt a ON a.attempt_id IN (SELECT e.attempt_id FROM attempt e
                                   WHERE e.table_id = j."value" AND e.outcome = 'success' AND e.intervals > 0
                                   ORDER BY e.attempt_id DESC LIMIT 10)
GROUP BY j."value"

-- name: instances
SELECT i.instance_id, i.ulid, i.title, i.trigger, i.state, i.queue, h.command, i.detached,
       i.cancel_requested_at IS NOT NULL, i.created_at, i.started_at, i.ended_at, i.manifest, w.name, i.version,
       i.logical_date, i.fire_at, i.key, i.rank, i.priority, i.variables, i.tags
FROM workflow_instance i LEFT JOIN holder h ON h.holder_id = i.holder_id
LEFT JOIN workflow w ON w.workflow_id = i.workflow_id
WHERE (:state IS NULL OR i.state = :state)
  AND (:table IS NULL OR EXISTS (SELECT 1 FROM task_instance t JOIN materialized_table m ON m.table_id = t.table_id
                                 WHERE t.instance_id = i.instance_id AND m.name = :table COLLATE NOCASE))
  AND (:workflow IS NULL OR w.name = :workflow COLLATE NOCASE)
  AND (:trigger IS NULL OR i.trigger = :trigger)
  AND (:since IS NULL OR i.created_at >= :since)
ORDER BY i.instance_id DESC LIMIT :limit

-- name: instance_like
SELECT i.instance_id, i.ulid, i.title, i.trigger, i.state, i.queue, h.command, i.detached,
       i.cancel_requested_at IS NOT NULL, i.created_at, i.started_at, i.ended_at, i.manifest, w.name, i.version,
       i.logical_date, i.fire_at, i.key, i.rank, i.priority, i.variables, i.tags
FROM workflow_instance i LEFT JOIN holder h ON h.holder_id = i.holder_id
LEFT JOIN workflow w ON w.workflow_id = i.workflow_id
WHERE substr(i.ulid, 1, length(:prefix)) = :prefix ORDER BY i.ulid LIMIT 10

-- name: instances_by_id
SELECT i.instance_id, i.ulid, i.title, i.trigger, i.state, i.queue, h.command, i.detached,
       i.cancel_requested_at IS NOT NULL, i.created_at, i.started_at, i.ended_at, i.manifest, w.name, i.version,
       i.logical_date, i.fire_at, i.key, i.rank, i.priority, i.variables, i.tags
FROM workflow_instance i LEFT JOIN holder h ON h.holder_id = i.holder_id
LEFT JOIN workflow w ON w.workflow_id = i.workflow_id
WHERE i.instance_id IN (SELECT "value" FROM json_each(:ids)) ORDER BY i.instance_id

-- name: instance_by_key
SELECT i.instance_id, i.ulid, i.title, i.trigger, i.state, i.queue, h.command, i.detached,
       i.cancel_requested_at IS NOT NULL, i.created_at, i.started_at, i.ended_at, i.manifest, w.name, i.version,
       i.logical_date, i.fire_at, i.key, i.rank, i.priority, i.variables, i.tags
FROM workflow_instance i LEFT JOIN holder h ON h.holder_id = i.holder_id
LEFT JOIN workflow w ON w.workflow_id = i.workflow_id
WHERE i.key = :key

-- name: instances_of_workflow
SELECT i.instance_id, i.ulid, i.title, i.trigger, i.state, i.queue, h.command, i.detached,
       i.cancel_requested_at IS NOT NULL, i.created_at, i.started_at, i.ended_at, i.manifest, w.name, i.version,
       i.logical_date, i.fire_at, i.key, i.rank, i.priority, i.variables, i.tags
FROM workflow_instance i LEFT JOIN holder h ON h.holder_id = i.holder_id
LEFT JOIN workflow w ON w.workflow_id = i.workflow_id
WHERE i.workflow_id = :workflow_id ORDER BY i.instance_id DESC LIMIT :limit

-- name: fired
-- Data intervals do not overlap: what begins before the one that reaches into the asked time ends before it too.
SELECT i.instance_id, i.ulid, i.title, i.trigger, i.state, i.queue, h.command, i.detached,
       i.cancel_requested_at IS NOT NULL, i.created_at, i.started_at, i.ended_at, i.manifest, w.name, i.version,
       i.logical_date, i.fire_at, i.key, i.rank, i.priority, i.variables, i.tags
FROM workflow_instance i LEFT JOIN holder h ON h.holder_id = i.holder_id
LEFT JOIN workflow w ON w.workflow_id = i.workflow_id
WHERE i.workflow_id = :workflow_id AND i.trigger = 'schedule' AND i.logical_date < :to
  AND i.logical_date >= coalesce((SELECT max(b.logical_date) FROM workflow_instance b
                                  WHERE b.workflow_id = :workflow_id AND b.trigger = 'schedule'
                                    AND b.logical_date < :from), :from)
  AND i.fire_at >= :from AND i.fire_at < :to
ORDER BY i.logical_date

-- name: waiting_instances
SELECT i.instance_id, i.ulid, i.title, i.trigger, i.state, i.queue, h.command, i.detached,
       i.cancel_requested_at IS NOT NULL, i.created_at, i.started_at, i.ended_at, i.manifest, w.name, i.version,
       i.logical_date, i.fire_at, i.key, i.rank, i.priority, i.variables, i.tags
FROM workflow_instance i LEFT JOIN holder h ON h.holder_id = i.holder_id
LEFT JOIN workflow w ON w.workflow_id = i.workflow_id
WHERE i.ended_at IS NULL AND i.started_at IS NULL AND i.workflow_id IS NOT NULL AND i.fire_at < :before
ORDER BY i.fire_at, i.instance_id LIMIT :limit

-- name: counts_by_state
SELECT instance_id, state, count(*) FROM task_instance
WHERE instance_id IN (SELECT "value" FROM json_each(:ids)) GROUP BY instance_id, state

-- name: rows_by_instance
SELECT t.instance_id, sum(a.rows) FROM task_instance t JOIN attempt a ON a.task_id = t.task_id
WHERE t.instance_id IN (SELECT "value" FROM json_each(:ids)) AND a.outcome = 'success' GROUP BY t.instance_id

-- name: tasks
SELECT t.task_id, t.instance_id, t.name, t.table_id, t.start_at, t.end_at, t.intervals, t.interval_count, t.reasons,
       t.forced, t.state, t.why, t.tries, t.max_tries, t.ready_at, t.attempt_id, t.started_at, t.ended_at,
       a.rows, a.seconds, a.error_code, a.error, h.command,
       (SELECT json_group_array(e.upstream_id) FROM task_edge e WHERE e.task_id = t.task_id),
       t.kind, t.queue, t.priority, t.timeout, t.retry_lost, t.waits_for, t.cancel_requested_at IS NOT NULL, t.spec
FROM task_instance t
LEFT JOIN attempt a ON a.attempt_id = (SELECT n.attempt_id FROM attempt n WHERE n.task_id = t.task_id
                                       ORDER BY n.attempt_id DESC LIMIT 1)
LEFT JOIN holder h ON h.holder_id = a.holder_id
WHERE t.instance_id = :instance_id ORDER BY t.task_id

-- name: task
SELECT t.task_id, t.instance_id, t.name, t.table_id, t.start_at, t.end_at, t.intervals, t.interval_count, t.reasons,
       t.forced, t.state, t.why, t.tries, t.max_tries, t.ready_at, t.attempt_id, t.started_at, t.ended_at,
       a.rows, a.seconds, a.error_code, a.error, h.command,
       (SELECT json_group_array(e.upstream_id) FROM task_edge e WHERE e.task_id = t.task_id),
       t.kind, t.queue, t.priority, t.timeout, t.retry_lost, t.waits_for, t.cancel_requested_at IS NOT NULL, t.spec
FROM task_instance t
LEFT JOIN attempt a ON a.attempt_id = (SELECT n.attempt_id FROM attempt n WHERE n.task_id = t.task_id
                                       ORDER BY n.attempt_id DESC LIMIT 1)
LEFT JOIN holder h ON h.holder_id = a.holder_id
WHERE t.task_id = :task_id

-- name: pending
SELECT t.task_id, t.instance_id, t.name, t.table_id, t.start_at, t.end_at, t.intervals, t.interval_count, t.reasons,
       t.forced, t.state, t.why, t.tries, t.max_tries, t.ready_at, t.attempt_id, t.started_at, t.ended_at,
       a.rows, a.seconds, a.error_code, a.error, h.command,
       (SELECT json_group_array(e.upstream_id) FROM task_edge e WHERE e.task_id = t.task_id),
       t.kind, t.queue, t.priority, t.timeout, t.retry_lost, t.waits_for, t.cancel_requested_at IS NOT NULL, t.spec
FROM task_instance t
LEFT JOIN attempt a ON a.attempt_id = (SELECT n.attempt_id FROM attempt n WHERE n.task_id = t.task_id
                                       ORDER BY n.attempt_id DESC LIMIT 1)
LEFT JOIN holder h ON h.holder_id = a.holder_id
WHERE t.state = 'pending' ORDER BY t.turn_at, t.task_id LIMIT :limit

-- name: pending_of_instance
SELECT t.task_id, t.instance_id, t.name, t.table_id, t.start_at, t.end_at, t.intervals, t.interval_count, t.reasons,
       t.forced, t.state, t.why, t.tries, t.max_tries, t.ready_at, t.attempt_id, t.started_at, t.ended_at,
       a.rows, a.seconds, a.error_code, a.error, h.command,
       (SELECT json_group_array(e.upstream_id) FROM task_edge e WHERE e.task_id = t.task_id),
       t.kind, t.queue, t.priority, t.timeout, t.retry_lost, t.waits_for, t.cancel_requested_at IS NOT NULL, t.spec
FROM task_instance t
LEFT JOIN attempt a ON a.attempt_id = (SELECT n.attempt_id FROM attempt n WHERE n.task_id = t.task_id
                                       ORDER BY n.attempt_id DESC LIMIT 1)
LEFT JOIN holder h ON h.holder_id = a.holder_id
WHERE t.state = 'pending' AND t.instance_id = :instance_id ORDER BY t.turn_at, t.task_id LIMIT :limit

-- name: running
SELECT t.task_id, t.instance_id, t.name, t.table_id, t.start_at, t.end_at, t.intervals, t.interval_count, t.reasons,
       t.forced, t.state, t.why, t.tries, t.max_tries, t.ready_at, t.attempt_id, t.started_at, t.ended_at,
       a.rows, a.seconds, a.error_code, a.error, h.command,
       (SELECT json_group_array(e.upstream_id) FROM task_edge e WHERE e.task_id = t.task_id),
       t.kind, t.queue, t.priority, t.timeout, t.retry_lost, t.waits_for, t.cancel_requested_at IS NOT NULL, t.spec
FROM task_instance t
JOIN attempt a ON a.attempt_id = t.attempt_id
JOIN holder h ON h.holder_id = a.holder_id
WHERE t.state = 'running' AND t.table_id IS NOT NULL

-- name: attempts
SELECT a.attempt_id, a.ulid, a.task_id, a.number, h.command, a.outcome, a.started_at, a.ended_at, a.snapshot_id,
       a.intervals, a.rows, a.bytes, a.seconds, a.error_code, a.error
FROM task_instance t JOIN attempt a ON a.task_id = t.task_id JOIN holder h ON h.holder_id = a.holder_id
WHERE t.instance_id = :instance_id ORDER BY a.attempt_id

-- name: events
SELECT event_id, at, kind, table_id, instance_id, task_id, attempt_id, detail, actor, workflow_id FROM event
WHERE instance_id = :instance_id ORDER BY event_id

-- name: live_attempt_ulids
-- And what compaction stages, which is no attempt.
SELECT ulid FROM attempt WHERE outcome IS NULL
UNION ALL SELECT substr(name, 7) FROM lease WHERE name GLOB 'stage:*'

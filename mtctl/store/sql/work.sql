-- Instances, tasks and attempts.

-- name: add_instance
INSERT INTO workflow_instance
  (ulid, trigger, title, manifest, state, queue, priority, holder_id, detached, created_at)
VALUES (:ulid, :trigger, :title, :manifest, 'pending', :queue, :priority, :holder_id, :detached, :now)
RETURNING instance_id

-- name: add_task
INSERT INTO task_instance
  (instance_id, name, table_id, start_at, end_at, intervals, interval_count, reasons, forced, state, queue, priority,
   max_tries, ready_at)
VALUES (:instance_id, :name, :table_id, :start, :end, :intervals, :count, :reasons, :forced, 'created', :queue,
        :priority, :max_tries, :now)
RETURNING task_id

-- name: add_edge
INSERT OR IGNORE INTO task_edge (upstream_id, task_id) VALUES (:upstream_id, :task_id)

-- name: nodes
SELECT task_id, state, why, name FROM task_instance WHERE instance_id = :instance_id ORDER BY task_id

-- name: edges
SELECT e.task_id, e.upstream_id FROM task_instance t JOIN task_edge e ON e.task_id = t.task_id
WHERE t.instance_id = :instance_id

-- name: waiting_for
-- What waits for a task, with everything that it waits for.
SELECT t.task_id, e.upstream_id, u.state
FROM task_edge d
JOIN task_instance t ON t.task_id = d.task_id
JOIN task_edge e ON e.task_id = t.task_id
JOIN task_instance u ON u.task_id = e.upstream_id
WHERE d.upstream_id = :task_id AND t.state = 'created' ORDER BY t.task_id, e.upstream_id

-- name: move_idle
UPDATE task_instance
SET state = :to, why = :why, tries = max(tries + :tries, 0), ready_at = coalesce(:ready_at, ready_at),
    ended_at = CASE WHEN :ends THEN :now END
WHERE task_id = :task_id AND state = :from AND state <> 'running'
RETURNING instance_id, table_id

-- name: move_running
UPDATE task_instance
SET state = :to, why = :why, tries = max(tries + :tries, 0), ready_at = coalesce(:ready_at, ready_at),
    ended_at = CASE WHEN :ends THEN :now END, attempt_id = NULL
WHERE task_id = :task_id AND state = 'running' AND attempt_id = :attempt_id
RETURNING instance_id, table_id

-- name: end_attempt
UPDATE attempt SET outcome = :outcome, ended_at = :now, seconds = coalesce(seconds, (:now - started_at) / 1e6)
WHERE attempt_id = :attempt_id AND outcome IS NULL

-- name: fail_attempt
UPDATE attempt
SET outcome = :outcome, ended_at = :now, seconds = (:now - started_at) / 1e6, error_code = :error_code, error = :error
WHERE attempt_id = :attempt_id AND ulid = :ulid AND outcome IS NULL

-- name: credit_attempt
UPDATE attempt
SET outcome = 'success', ended_at = :now, snapshot_id = :snapshot, intervals = :intervals, rows = :rows, bytes = :bytes,
    seconds = :seconds
WHERE attempt_id = :attempt_id AND outcome IS NULL

-- name: states
-- One look into the index for each state, however many tasks there are.
SELECT s.state FROM (SELECT 'created' AS state UNION ALL VALUES ('pending'), ('running'), ('suspended'), ('success'),
                            ('failed'), ('cancelled'), ('skipped')) s
WHERE EXISTS (SELECT 1 FROM task_instance t WHERE t.instance_id = :instance_id AND t.state = s.state)

-- name: has_started
SELECT started_at IS NOT NULL, state FROM workflow_instance WHERE instance_id = :instance_id

-- name: set_instance_state
UPDATE workflow_instance SET state = :state, ended_at = CASE WHEN :ends THEN :now END
WHERE instance_id = :instance_id

-- name: pick
-- Slots are derived from live leases, never counted up and down.
SELECT t.task_id FROM task_instance t
JOIN workflow_instance i ON i.instance_id = t.instance_id
JOIN queue q ON q.name = t.queue
JOIN materialized_table m ON m.table_id = t.table_id
WHERE t.state = 'pending' AND t.ready_at <= :now AND m.dropped_at IS NULL
  AND q.paused = 0 AND i.cancel_requested_at IS NULL
  AND CASE WHEN :instance_id IS NULL THEN i.holder_id IS NULL ELSE i.instance_id = :instance_id END
  AND NOT EXISTS (SELECT 1 FROM task_instance r WHERE r.state = 'running' AND r.table_id = t.table_id)
  AND q.slots > (SELECT count(*) FROM task_instance r JOIN attempt a ON a.attempt_id = r.attempt_id
                 WHERE r.state = 'running' AND r.queue = q.name AND a.boot_id = :boot_id AND a.lease_until > :boottime)
  AND (i.max_parallel IS NULL OR i.max_parallel >
       (SELECT count(*) FROM task_instance r WHERE r.state = 'running' AND r.instance_id = i.instance_id))
ORDER BY t.priority, t.ready_at, t.task_id LIMIT 1

-- name: add_attempt
INSERT INTO attempt
  (ulid, task_id, number, holder_id, table_id, epoch, version_id, pinned_snapshot, lease_until, boot_id, started_at)
SELECT :ulid, t.task_id, 1 + (SELECT count(*) FROM attempt a WHERE a.task_id = t.task_id), :holder_id, t.table_id,
       m.epoch, m.version_id, :snapshot, :lease_until, :boot_id, :now
FROM task_instance t LEFT JOIN materialized_table m ON m.table_id = t.table_id WHERE t.task_id = :task_id
  AND EXISTS (SELECT 1 FROM holder h WHERE h.holder_id = :holder_id AND h.ended_at IS NULL)
RETURNING attempt_id

-- name: take
UPDATE task_instance
SET state = 'running', attempt_id = :attempt_id, tries = tries + 1, why = '', started_at = coalesce(started_at, :now)
WHERE task_id = :task_id AND state = 'pending'
RETURNING instance_id, table_id

-- name: start_instance
UPDATE workflow_instance SET started_at = :now WHERE instance_id = :instance_id AND started_at IS NULL

-- name: request_cancel
UPDATE workflow_instance SET cancel_requested_at = coalesce(cancel_requested_at, :now)
WHERE instance_id = :instance_id AND ended_at IS NULL

-- name: attempt_guard
SELECT a.epoch, a.version_id, a.pinned_snapshot, a.started_at
FROM attempt a JOIN task_instance t ON t.task_id = a.task_id AND t.attempt_id = a.attempt_id
WHERE a.attempt_id = :attempt_id AND a.ulid = :ulid AND a.outcome IS NULL AND t.state = 'running'
  AND a.boot_id = :boot_id AND a.lease_until > :boottime

-- name: open_tasks_of_table
SELECT task_id, instance_id, state FROM task_instance
WHERE table_id = :table_id AND ended_at IS NULL AND state <> 'running' ORDER BY task_id

-- name: add_event
INSERT INTO event (at, kind, table_id, instance_id, task_id, attempt_id, detail)
VALUES (:now, :kind, :table_id, :instance_id, :task_id, :attempt_id, :detail)

-- name: requested_at
SELECT coalesce(logical_date, created_at) FROM workflow_instance WHERE instance_id = :instance_id

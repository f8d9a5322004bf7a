-- Instances, tasks and attempts.

-- name: add_instance
INSERT INTO workflow_instance
  (ulid, workflow_id, version, trigger, logical_date, fire_at, batch, key, title, manifest, state, queue, priority, rank,
   serial, max_parallel, variables, notify, tags, holder_id, detached, created_at, ended_at)
VALUES (:ulid, :workflow_id, :version, :trigger, :logical_date, :fire_at, :batch, :key, :title, :manifest, :state, :queue,
        :priority, :rank, :serial, :max_parallel, :variables, :notify, :tags, :holder_id, :detached, :now, :ended_at)
RETURNING instance_id

-- name: instance_with_key
SELECT instance_id FROM workflow_instance WHERE key = :key

-- name: is_fired
SELECT 1 FROM workflow_instance
WHERE workflow_id = :workflow_id AND logical_date = :logical_date AND trigger = 'schedule'

-- name: add_task
INSERT INTO task_instance
  (instance_id, name, kind, table_id, start_at, end_at, intervals, interval_count, reasons, forced, state, queue,
   priority, max_tries, timeout, retry_lost, spec, ready_at, turn_at)
VALUES (:instance_id, :name, :kind, :table_id, :start, :end, :intervals, :count, :reasons, :forced, :state, :queue,
        :priority, :max_tries, :timeout, :retry_lost, :spec, :now, :turn_at)
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
    ended_at = CASE WHEN :ends THEN :now END, waits_for = NULL
WHERE task_id = :task_id AND state = :from AND state <> 'running'
RETURNING instance_id, table_id

-- name: move_back
-- An ended task that is to run again gets its turn anew, by the time that this was asked for.
UPDATE task_instance
SET state = :to, why = :why, tries = max(tries + :tries, 0), ready_at = coalesce(:ready_at, :now), ended_at = NULL,
    turn_at = :now + :step * (priority + :rank_steps * (SELECT i.rank FROM workflow_instance i
                                                        WHERE i.instance_id = task_instance.instance_id))
WHERE task_id = :task_id AND state = :from AND ended_at IS NOT NULL
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

-- name: finish_attempt
-- It did not publish: an error says why, or it is the success of a task that refreshes nothing. Tells whether any task
-- stands below its own.
UPDATE attempt
SET outcome = :outcome, ended_at = :now, seconds = (:now - started_at) / 1e6, rows = :rows, error_code = :error_code,
    error = :error
WHERE attempt_id = :attempt_id AND ulid = :ulid AND outcome IS NULL
RETURNING EXISTS (SELECT 1 FROM task_edge e WHERE e.upstream_id = attempt.task_id)

-- name: credit_attempt
UPDATE attempt
SET outcome = 'success', ended_at = :now, snapshot_id = :snapshot, intervals = :intervals, rows = :rows, bytes = :bytes,
    seconds = :seconds
WHERE attempt_id = :attempt_id AND outcome IS NULL

-- name: standing
-- One look into the index for each state, however many tasks there are.
SELECT i.started_at IS NOT NULL, i.state,
  (SELECT group_concat(s.state) FROM
    (SELECT 'created' AS state UNION ALL VALUES ('pending'), ('running'), ('suspended'), ('success'), ('failed'),
                                                ('cancelled'), ('skipped')) s
   WHERE EXISTS (SELECT 1 FROM task_instance t WHERE t.instance_id = i.instance_id AND t.state = s.state))
FROM workflow_instance i WHERE i.instance_id = :instance_id

-- name: set_instance_state
UPDATE workflow_instance SET state = :state, ended_at = CASE WHEN :ends THEN :now END
WHERE instance_id = :instance_id

-- name: start_instance
-- One with a task that waited for its turn has not ended: to leave `ended_at` alone spares the indexes.
UPDATE workflow_instance SET state = 'running', started_at = coalesce(started_at, :now)
WHERE instance_id = :instance_id

-- name: add_attempt
INSERT INTO attempt
  (ulid, task_id, number, holder_id, table_id, epoch, version_id, pinned_snapshot, lease_until, boot_id, started_at)
SELECT :ulid, t.task_id, 1 + (SELECT count(*) FROM attempt a WHERE a.task_id = t.task_id), :holder_id, t.table_id,
       m.epoch, m.version_id, (SELECT max(snapshot_id) FROM ducklake_snapshot), :lease_until, :boot_id, :now
FROM task_instance t LEFT JOIN materialized_table m ON m.table_id = t.table_id WHERE t.task_id = :task_id
  AND EXISTS (SELECT 1 FROM holder h WHERE h.holder_id = :holder_id AND h.ended_at IS NULL)
RETURNING attempt_id, pinned_snapshot

-- name: take
UPDATE task_instance
SET state = 'running', attempt_id = :attempt_id, tries = tries + 1, why = '', waits_for = NULL,
    started_at = coalesce(started_at, :now)
WHERE task_id = :task_id AND state = 'pending'
RETURNING instance_id, table_id, tries, started_at

-- name: requested
-- What an attempt takes from its instance, and who holds it; the fire is when a scheduled one was asked for.
SELECT coalesce(i.fire_at, i.logical_date, i.created_at), i.variables, i.cancel_requested_at IS NOT NULL, i.state,
       i.started_at IS NOT NULL, h.command
FROM workflow_instance i, holder h WHERE i.instance_id = :instance_id AND h.holder_id = :holder_id

-- name: request_cancel
UPDATE workflow_instance SET cancel_requested_at = coalesce(cancel_requested_at, :now)
WHERE instance_id = :instance_id AND ended_at IS NULL

-- name: request_task_cancel
UPDATE task_instance SET cancel_requested_at = coalesce(cancel_requested_at, :now)
WHERE task_id = :task_id AND ended_at IS NULL

-- name: set_owner
UPDATE workflow_instance SET holder_id = :holder_id, detached = :holder_id IS NULL WHERE instance_id = :instance_id

-- name: force_tasks
UPDATE task_instance SET forced = 1 WHERE task_id IN (SELECT "value" FROM json_each(:ids)) AND intervals IS NOT NULL

-- name: clear_cancel
UPDATE workflow_instance SET cancel_requested_at = NULL WHERE instance_id = :instance_id

-- name: clear_task_cancels
UPDATE task_instance SET cancel_requested_at = NULL
WHERE instance_id = :instance_id AND cancel_requested_at IS NOT NULL

-- name: cancel_requested
SELECT t.cancel_requested_at IS NOT NULL OR i.cancel_requested_at IS NOT NULL
FROM task_instance t JOIN workflow_instance i ON i.instance_id = t.instance_id WHERE t.task_id = :task_id

-- name: postpone
UPDATE task_instance SET ready_at = :ready_at, why = :why, waits_for = :waits_for
WHERE task_id = :task_id AND state = 'pending'

-- name: wake
UPDATE task_instance SET ready_at = min(ready_at, :now), why = '', waits_for = NULL
WHERE waits_for = :table_id AND state = 'pending'

-- name: fix_intervals
UPDATE task_instance SET start_at = :start, end_at = :end, intervals = :intervals, interval_count = :count
WHERE task_id = :task_id AND intervals IS NULL AND ended_at IS NULL

-- name: to_split
SELECT instance_id, table_id, intervals, interval_count FROM task_instance WHERE task_id = :task_id AND state = 'pending'

-- name: keep_part
UPDATE task_instance SET start_at = :start, end_at = :end, intervals = :intervals, interval_count = :count
WHERE task_id = :task_id

-- name: add_part
INSERT INTO task_instance
  (instance_id, name, kind, table_id, start_at, end_at, intervals, interval_count, reasons, forced, state, queue,
   priority, max_tries, timeout, retry_lost, spec, ready_at, turn_at)
SELECT instance_id, name, kind, table_id, :start, :end, :intervals, :count, reasons, forced, 'pending', queue,
       priority, max_tries, timeout, retry_lost, spec, :now, turn_at
FROM task_instance WHERE task_id = :task_id
RETURNING task_id

-- name: copy_edges_up
INSERT INTO task_edge (upstream_id, task_id)
SELECT upstream_id, :part_id FROM task_edge WHERE task_id = :task_id

-- name: copy_edges_down
INSERT INTO task_edge (upstream_id, task_id)
SELECT :part_id, task_id FROM task_edge WHERE upstream_id = :task_id

-- name: open_intervals
SELECT intervals FROM task_instance WHERE table_id = :table_id AND ended_at IS NULL AND intervals IS NOT NULL

-- name: attempt_guard
SELECT a.epoch, a.version_id, a.pinned_snapshot, a.started_at
FROM attempt a JOIN task_instance t ON t.task_id = a.task_id AND t.attempt_id = a.attempt_id
WHERE a.attempt_id = :attempt_id AND a.ulid = :ulid AND a.outcome IS NULL AND t.state = 'running'
  AND a.boot_id = :boot_id AND a.lease_until > :boottime

-- name: open_tasks_of_table
SELECT task_id, instance_id, state FROM task_instance
WHERE table_id = :table_id AND ended_at IS NULL AND state <> 'running' ORDER BY task_id

-- name: add_event
INSERT INTO event (at, kind, table_id, workflow_id, instance_id, task_id, attempt_id, actor, detail)
VALUES (:now, :kind, :table_id, :workflow_id, :instance_id, :task_id, :attempt_id, :actor, :detail)

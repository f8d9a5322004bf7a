-- Holders, their leases and pins.

-- name: add_holder
INSERT INTO holder (ulid, kind, pid, pid_started, boot_id, command, beat_boottime)
VALUES (:ulid, :kind, :pid, :pid_started, :boot_id, :command, :boottime) RETURNING holder_id

-- name: set_runner_group
UPDATE holder SET runner_group = :group WHERE holder_id = :holder_id

-- name: end_holder
UPDATE holder SET ended_at = coalesce(ended_at, :now), runner_group = NULL WHERE holder_id = :holder_id

-- name: drop_pins
DELETE FROM pin WHERE holder_id = :holder_id

-- name: drop_leases
DELETE FROM lease WHERE holder_id = :holder_id

-- name: add_group
-- Only of a holder that has not been ended: nobody would ever end the group of one that has, and its work is another's.
INSERT INTO holder_group (holder_id, process_group, started)
SELECT h.holder_id, :process_group, :started FROM holder h WHERE h.holder_id = :holder_id AND h.ended_at IS NULL
ON CONFLICT (holder_id, process_group) DO UPDATE SET started = excluded.started

-- name: drop_group
DELETE FROM holder_group WHERE holder_id = :holder_id AND process_group = :process_group

-- name: drop_groups
DELETE FROM holder_group WHERE holder_id = :holder_id

-- name: beat_holder
UPDATE holder SET beat_boottime = :boottime WHERE holder_id = :holder_id AND ended_at IS NULL

-- name: beat_attempts
-- What is open is little, whoever holds it; what a holder has ever held is much.
UPDATE attempt INDEXED BY attempt_running_once SET lease_until = :lease_until
WHERE holder_id = :holder_id AND outcome IS NULL AND boot_id = :boot_id RETURNING attempt_id

-- name: beat_leases
UPDATE lease SET lease_until = :lease_until WHERE holder_id = :holder_id AND boot_id = :boot_id

-- name: beat_pins
UPDATE pin SET expires = :lease_until WHERE holder_id = :holder_id AND boot_id = :boot_id

-- name: holders
SELECT h.holder_id, h.ulid, h.kind, h.pid, h.pid_started, h.boot_id, h.command, h.runner_group, h.ended_at IS NOT NULL,
       (SELECT json_group_array(json_array(g.process_group, g.started)) FROM holder_group g
        WHERE g.holder_id = h.holder_id)
FROM holder h WHERE h.ended_at IS NULL ORDER BY h.holder_id

-- name: expired_holders
SELECT h.holder_id, h.ulid, h.kind, h.pid, h.pid_started, h.boot_id, h.command, h.runner_group, h.ended_at IS NOT NULL,
       (SELECT json_group_array(json_array(g.process_group, g.started)) FROM holder_group g
        WHERE g.holder_id = h.holder_id)
FROM holder h WHERE h.holder_id IN
  (SELECT a.holder_id FROM attempt a WHERE a.outcome IS NULL AND (a.boot_id <> :boot_id OR a.lease_until <= :boottime))
ORDER BY h.holder_id

-- name: open_attempts
SELECT a.attempt_id, a.task_id, t.tries, t.max_tries,
       i.cancel_requested_at IS NOT NULL OR t.cancel_requested_at IS NOT NULL, i.instance_id,
       1 + (SELECT count(*) FROM attempt l WHERE l.task_id = a.task_id AND l.outcome = 'lost'), t.retry_lost,
       m.dropped_at IS NOT NULL
FROM attempt a INDEXED BY attempt_running_once
JOIN task_instance t ON t.task_id = a.task_id
JOIN workflow_instance i ON i.instance_id = t.instance_id
LEFT JOIN materialized_table m ON m.table_id = t.table_id
WHERE a.holder_id = :holder_id AND a.outcome IS NULL ORDER BY a.attempt_id

-- name: owned_instances
SELECT instance_id, detached FROM workflow_instance WHERE holder_id = :holder_id AND ended_at IS NULL
ORDER BY instance_id

-- name: disown
UPDATE workflow_instance SET holder_id = NULL WHERE instance_id = :instance_id

-- name: add_pin
INSERT INTO pin (holder_id, snapshot_id, purpose, expires, boot_id)
VALUES (:holder_id, :snapshot, :purpose, :expires, :boot_id) RETURNING pin_id

-- name: drop_pin
DELETE FROM pin WHERE pin_id = :pin_id

-- name: last_now
SELECT last_now FROM project

-- name: set_last_now
UPDATE project SET last_now = :now

-- name: add_project
INSERT INTO project (one, uuid, name, created_at, created_by, last_now)
VALUES (1, :uuid, :name, :now, :created_by, :now)

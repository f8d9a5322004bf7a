-- Queues: slots, pause, who holds and who waits. A deleted one stays for the history that names it.

-- name: queues
SELECT q.name, q.slots, q.paused, q.paused_why, q.memory, q.threads,
       (SELECT json_group_array(h.command)
        FROM task_instance r JOIN attempt a ON a.attempt_id = r.attempt_id JOIN holder h ON h.holder_id = a.holder_id
        WHERE r.state = 'running' AND r.queue = q.name AND a.boot_id = :boot_id AND a.lease_until > :boottime),
       (SELECT count(*) FROM task_instance p WHERE p.state = 'pending' AND p.queue = q.name AND p.ready_at <= :now)
FROM queue q WHERE q.dropped_at IS NULL ORDER BY q.name

-- name: live
SELECT paused FROM queue WHERE name = :name AND dropped_at IS NULL

-- name: put
INSERT INTO queue (name, slots, memory, threads) VALUES (:name, :slots, :memory, :threads)
ON CONFLICT (name) DO UPDATE
SET slots = excluded.slots, memory = excluded.memory, threads = excluded.threads, dropped_at = NULL

-- name: pause
UPDATE queue SET paused = :paused, paused_why = :why WHERE name = :name AND dropped_at IS NULL

-- name: drop
UPDATE queue SET dropped_at = :now, paused = 0, paused_why = '' WHERE name = :name

-- name: open_work
SELECT i.ulid FROM task_instance t JOIN workflow_instance i ON i.instance_id = t.instance_id
WHERE t.queue = :name AND t.ended_at IS NULL
UNION ALL
SELECT ulid FROM workflow_instance WHERE queue = :name AND ended_at IS NULL
LIMIT 1

-- name: workflows_naming
-- Perhaps: a text in the definition is the queue's name.
SELECT v.definition FROM workflow w JOIN workflow_version v ON v.workflow_id = w.workflow_id AND v.version = w.version
WHERE w.dropped_at IS NULL AND instr(v.definition, :text) > 0

-- name: limits
SELECT memory, threads FROM queue WHERE name = :name

-- What was done long ago, and the books that nothing names any more.

-- name: workflows
SELECT workflow_id FROM workflow

-- name: newest_kept
-- The instance that :kept newer ones of its workflow follow.
SELECT instance_id FROM workflow_instance WHERE workflow_id = :workflow_id
ORDER BY instance_id DESC LIMIT 1 OFFSET :kept

-- name: newest_kept_of_nobody
SELECT instance_id FROM workflow_instance WHERE workflow_id IS NULL ORDER BY instance_id DESC LIMIT 1 OFFSET :kept

-- name: newest_bad
-- The same among those that did not end well.
SELECT instance_id FROM workflow_instance WHERE workflow_id = :workflow_id AND state <> 'success'
ORDER BY instance_id DESC LIMIT 1 OFFSET :kept

-- name: newest_bad_of_nobody
SELECT instance_id FROM workflow_instance WHERE workflow_id IS NULL AND state <> 'success'
ORDER BY instance_id DESC LIMIT 1 OFFSET :kept

-- name: ended
-- By age all go, but the newest of the workflow; by count neither what has a key nor what is part of a backfill.
SELECT instance_id FROM workflow_instance
WHERE workflow_id = :workflow_id AND ended_at IS NOT NULL
  AND instance_id < (SELECT max(n.instance_id) FROM workflow_instance n WHERE n.workflow_id = :workflow_id)
  AND (ended_at < :before
       OR (ended_at < :settled AND key IS NULL AND trigger <> 'backfill'
           AND instance_id <= CASE WHEN state = 'success' THEN :last_good ELSE :last_bad END))
ORDER BY instance_id LIMIT :limit

-- name: ended_of_nobody
SELECT instance_id FROM workflow_instance
WHERE workflow_id IS NULL AND ended_at IS NOT NULL AND instance_id > 0
  AND (ended_at < :before
       OR (ended_at < :settled AND key IS NULL AND trigger <> 'backfill'
           AND instance_id <= CASE WHEN state = 'success' THEN :last_good ELSE :last_bad END))
ORDER BY instance_id LIMIT :limit

-- name: told
-- Of these instances those whose events nobody is still to be told of.
SELECT j."value" FROM json_each(:ids) j
WHERE NOT EXISTS (SELECT 1 FROM event e WHERE e.instance_id = j."value" AND e.at >= :before
                    AND e.event_id > (SELECT min(event_id) FROM reader_mark))

-- name: archive
-- Where attempts belong whose instance is forgotten; before all others, so that it is the last in every list.
INSERT OR IGNORE INTO workflow_instance (instance_id, ulid, trigger, title, manifest, state, queue, created_at, ended_at)
VALUES (0, '00000000000000000000000000', 'manual', 'earlier instances, forgotten', '{}', 'success', 'default', 0, 0)

-- name: archive_task
INSERT OR IGNORE INTO task_instance
  (task_id, instance_id, name, kind, state, queue, ready_at, ended_at)
VALUES (0, 0, 'forgotten', 'refresh', 'success', 'default', 0, 0)

-- name: archive_attempts
-- Those that data came from, and the last of each table by outcome: `status` tells of them.
UPDATE attempt SET task_id = 0
WHERE task_id IN (SELECT "value" FROM json_each(:tasks))
  AND (EXISTS (SELECT 1 FROM ledger l WHERE l.attempt_id = attempt.attempt_id)
       OR (table_id IS NOT NULL AND NOT EXISTS
           (SELECT 1 FROM attempt n WHERE n.table_id = attempt.table_id AND n.attempt_id > attempt.attempt_id
              AND n.outcome IS NOT NULL)))

-- name: endable
-- Once more, in the transaction that removes them: one may have been asked for again.
SELECT instance_id FROM workflow_instance
WHERE instance_id IN (SELECT "value" FROM json_each(:ids)) AND ended_at IS NOT NULL AND instance_id > 0
  AND NOT EXISTS (SELECT 1 FROM task_instance t JOIN attempt a ON a.task_id = t.task_id
                  WHERE t.instance_id = workflow_instance.instance_id AND a.outcome IS NULL)

-- name: tasks_of
SELECT task_id FROM task_instance WHERE instance_id IN (SELECT "value" FROM json_each(:ids)) LIMIT :limit

-- name: drop_attempts
DELETE FROM attempt WHERE task_id IN (SELECT "value" FROM json_each(:tasks))

-- name: drop_edges
DELETE FROM task_edge WHERE task_id IN (SELECT "value" FROM json_each(:tasks))

-- name: drop_edges_down
DELETE FROM task_edge WHERE upstream_id IN (SELECT "value" FROM json_each(:tasks))

-- name: drop_tasks
DELETE FROM task_instance WHERE task_id IN (SELECT "value" FROM json_each(:tasks))

-- name: drop_events
DELETE FROM event WHERE event_id IN
  (SELECT event_id FROM event WHERE instance_id IN (SELECT "value" FROM json_each(:ids)) LIMIT :limit)

-- name: drop_instances
DELETE FROM workflow_instance
WHERE instance_id IN (SELECT "value" FROM json_each(:ids))
  AND NOT EXISTS (SELECT 1 FROM task_instance t WHERE t.instance_id = workflow_instance.instance_id)
  AND NOT EXISTS (SELECT 1 FROM event e WHERE e.instance_id = workflow_instance.instance_id)
RETURNING instance_id

-- name: drop_old_events
-- The oldest first, up to the first young one; what somebody is still to be told stays longer.
DELETE FROM event WHERE event_id IN
  (SELECT event_id FROM event
   WHERE event_id < coalesce((SELECT event_id FROM event WHERE at >= :before ORDER BY event_id LIMIT 1),
                             (SELECT max(event_id) + 1 FROM event))
     AND event_id < (SELECT max(event_id) FROM event)
     AND (at < :told_before OR event_id <= coalesce((SELECT min(event_id) FROM reader_mark), event_id))
   ORDER BY event_id LIMIT :limit)

-- name: drop_old_notices
DELETE FROM notice WHERE notice_id IN
  (SELECT notice_id FROM notice WHERE created_at < :before AND next_at IS NULL ORDER BY notice_id LIMIT :limit)

-- name: drop_old_skipped
DELETE FROM skipped_fire WHERE skipped_id IN
  (SELECT skipped_id FROM skipped_fire WHERE at < :before ORDER BY skipped_id LIMIT :limit)

-- name: old_table_versions
SELECT v.version_id FROM table_version v
WHERE v.created_at < :before
  AND NOT EXISTS (SELECT 1 FROM materialized_table m WHERE m.table_id = v.table_id AND m.version_id = v.version_id)
  AND NOT EXISTS (SELECT 1 FROM rebuild r JOIN materialized_table m ON m.table_id = r.shown_id
                  WHERE m.version_id = v.version_id)
  AND NOT EXISTS (SELECT 1 FROM ledger l WHERE l.version_id = v.version_id)
  AND NOT EXISTS (SELECT 1 FROM attempt a WHERE a.outcome IS NULL AND a.version_id = v.version_id)
LIMIT :limit

-- name: drop_table_versions
DELETE FROM table_version WHERE version_id IN (SELECT "value" FROM json_each(:ids))

-- name: gone_holders
SELECT h.holder_id FROM holder h
WHERE h.ended_at IS NOT NULL AND h.ended_at < :before
  AND NOT EXISTS (SELECT 1 FROM attempt a WHERE a.holder_id = h.holder_id)
  AND NOT EXISTS (SELECT 1 FROM workflow_instance i WHERE i.holder_id = h.holder_id AND i.holder_id IS NOT NULL)
LIMIT :limit

-- name: drop_holder_groups
DELETE FROM holder_group WHERE holder_id IN (SELECT "value" FROM json_each(:ids))

-- name: drop_holder_pins
DELETE FROM pin WHERE holder_id IN (SELECT "value" FROM json_each(:ids))

-- name: drop_holder_leases
DELETE FROM lease WHERE holder_id IN (SELECT "value" FROM json_each(:ids))

-- name: drop_holders
DELETE FROM holder WHERE holder_id IN (SELECT "value" FROM json_each(:ids))

-- name: attempts_known
SELECT ulid FROM attempt WHERE ulid IN (SELECT "value" FROM json_each(:ulids)) AND task_id > 0

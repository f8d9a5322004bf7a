-- What a clock that was ahead has written, and how it is brought back.

-- name: ahead
-- Open tasks that wait longer than until :after, and scheduled instances that were made before their time.
SELECT (SELECT count(*) FROM task_instance WHERE ended_at IS NULL AND (ready_at > :after OR turn_at > :after)),
       (SELECT count(*) FROM workflow_instance WHERE trigger = 'schedule' AND fire_at > :now)

-- name: take_back
-- The only statement that moves a mark back.
UPDATE workflow
SET state = :state, last_fire_at = :last_fire_at, next_fire_at = :next_fire_at, due_at = :due_at
WHERE workflow_id = :workflow_id AND dropped_at IS NULL

-- name: hasten
-- What has not begun yet counts too: it would wait as long once its turn comes.
UPDATE task_instance
SET ready_at = min(ready_at, :now),
    turn_at = min(turn_at, :now + :step * (priority + :rank_steps * (SELECT i.rank FROM workflow_instance i
                                                      WHERE i.instance_id = task_instance.instance_id)))
WHERE ended_at IS NULL AND (ready_at > :after OR turn_at > :after)

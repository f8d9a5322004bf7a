-- What only its tasks know of an instance and a list sorts by: each a value of one instance. `board.py` puts them into the
-- statement of the list, with its own instance in the place of :instance_id. Whole tables begin at -62135596800000000.

-- name: tasks
SELECT count(*) FROM task_instance t WHERE t.instance_id = :instance_id

-- name: rows
SELECT nullif(sum(a.rows), 0) FROM task_instance t JOIN attempt a ON a.task_id = t.task_id
WHERE t.instance_id = :instance_id AND a.outcome = 'success'

-- name: range
SELECT min(t.start_at) FROM task_instance t
WHERE t.instance_id = :instance_id AND t.start_at > -62135596800000000

-- name: done
SELECT total(t.interval_count) FILTER (WHERE t.state IN ('success', 'skipped')) / sum(t.interval_count)
FROM task_instance t WHERE t.instance_id = :instance_id AND t.table_id IS NOT NULL

-- name: intervals
SELECT sum(t.interval_count) FROM task_instance t WHERE t.instance_id = :instance_id AND t.table_id IS NOT NULL

-- name: batches
-- Those that run or wait, as long as there are any.
SELECT coalesce(nullif(count(*) FILTER (WHERE t.state IN ('created', 'pending', 'suspended', 'running')), 0), count(*))
FROM task_instance t WHERE t.instance_id = :instance_id AND t.table_id IS NOT NULL

-- name: left
-- As services/ranges.py reckons it: seconds an interval until now, times what is left, over what runs at once.
SELECT (SELECT sum(a.seconds) / nullif(sum(a.intervals), 0) FROM task_instance d JOIN attempt a ON a.task_id = d.task_id
        WHERE d.instance_id = :instance_id AND a.outcome = 'success' AND d.table_id IS NOT NULL)
       * nullif(sum(t.interval_count) FILTER (WHERE t.state IN ('created', 'pending', 'suspended', 'running')), 0)
       / max(1, count(*) FILTER (WHERE t.state = 'running'))
FROM task_instance t WHERE t.instance_id = :instance_id AND t.table_id IS NOT NULL

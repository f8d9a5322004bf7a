-- The lake grown up. The catalog's own tables are there already when this runs, in a new file as in an old one.

-- retention
CREATE TABLE lake_version (                -- a version of a lake table that has ended; it is read at the snapshot before
  lake_table_id  INTEGER NOT NULL,
  snapshot_id    INTEGER NOT NULL,         -- the one that ended it
  at             INTEGER NOT NULL,
  PRIMARY KEY (lake_table_id, snapshot_id)
) STRICT, WITHOUT ROWID;
CREATE INDEX lake_version_by ON lake_version (snapshot_id);

CREATE TABLE lake_gap (                    -- snapshots after `low` and before `high` are gone: look for what only they showed
  low            INTEGER NOT NULL,
  high           INTEGER NOT NULL,
  PRIMARY KEY (low, high),
  CHECK (low < high)
) STRICT, WITHOUT ROWID;

CREATE TABLE lake_upkeep (                 -- how far the snapshots were read for what they ended
  one            INTEGER PRIMARY KEY CHECK (one = 1),
  read_to        INTEGER NOT NULL
) STRICT;
INSERT INTO lake_upkeep (one, read_to) VALUES (1, 0);

-- What ended between two snapshots is found in the index alone; live rows are not in it.
CREATE INDEX lake_file_gone ON ducklake_data_file (end_snapshot, table_id, begin_snapshot, file_size_bytes)
  WHERE end_snapshot IS NOT NULL;
CREATE INDEX lake_scheduled ON ducklake_files_scheduled_for_deletion (data_file_id);
CREATE INDEX ledger_gone ON ledger (end_snapshot) WHERE end_snapshot IS NOT NULL;
CREATE INDEX ledger_unseen ON ledger (ledger_id) WHERE begin_snapshot = end_snapshot;
-- Whether anything still names a version, a set of sources, a holder: foreign keys ask that too.
CREATE INDEX ledger_of_version ON ledger (version_id);
CREATE INDEX ledger_of_set ON ledger (source_set_id) WHERE source_set_id IS NOT NULL;
CREATE INDEX attempt_of_holder ON attempt (holder_id);
CREATE INDEX instance_of_holder ON workflow_instance (holder_id) WHERE holder_id IS NOT NULL;
CREATE INDEX instance_of_nobody ON workflow_instance (instance_id) WHERE workflow_id IS NULL;

-- dashboards: all that a list of instances filters and sorts by, without their manifests
CREATE INDEX instance_listed ON workflow_instance
  (instance_id, state, trigger, workflow_id, queue, title, ulid, started_at, ended_at);
-- and of its refreshes of many intervals; whole tables begin at -62135596800000000 and are not in it
CREATE INDEX task_ranged ON task_instance (instance_id, table_id, interval_count) WHERE start_at > -62135596800000000;

-- shared files: files that others with the same rows have replaced; whoever pinned an older snapshot may still read them
CREATE TABLE replaced_file (
  data_file_id   INTEGER PRIMARY KEY,
  snapshot_id    INTEGER NOT NULL          -- the first one at which the file is no longer in the catalog
) STRICT;
CREATE INDEX lake_file_partial ON ducklake_data_file (partial_max) WHERE partial_max IS NOT NULL;

-- types: the extension compares the shortest digits of a FLOAT as a DOUBLE, which is another number, and lost rows by it
UPDATE ducklake_file_column_stats SET min_value = NULL, max_value = NULL
WHERE EXISTS (
  SELECT 1 FROM ducklake_column c
  WHERE c.table_id = ducklake_file_column_stats.table_id AND c.column_id = ducklake_file_column_stats.column_id
    AND c.column_type = 'float32');
-- The statistics of one column of ten thousand files are asked for, whatever the number of columns.
DROP INDEX lake_file_stats_of;
CREATE INDEX lake_file_stats_of ON ducklake_file_column_stats (data_file_id, column_id);

-- rebuilds: a new version of a table that is built beside the one that readers see, until it holds what is needed
CREATE TABLE rebuild (
  table_id       INTEGER PRIMARY KEY REFERENCES materialized_table (table_id),
  shown_id       INTEGER NOT NULL UNIQUE REFERENCES materialized_table (table_id), -- holds the ledger that readers see
  begun_snapshot INTEGER NOT NULL,         -- since then the table's own ledger rows are seen by nobody
  begun_at       INTEGER NOT NULL,
  since_version  INTEGER NOT NULL,         -- newer definitions were made with the new columns in mind
  needed         TEXT NOT NULL CHECK (json_valid(needed)),  -- [[start, end], …] that must be there before it is shown
  CHECK (table_id <> shown_id)
) STRICT;

-- strangers: what the project has chosen for its lake; `foreign_writes` stands there while other clients may write
CREATE TABLE lake_setting (
  "key"          TEXT PRIMARY KEY,
  "value"        TEXT NOT NULL
) STRICT, WITHOUT ROWID;

-- throughput: open attempts are as many as slots, and found without an index of their own that each claim and end writes
DROP INDEX attempt_open;

-- strangers: whether another client has a name already is asked for each table that is made
CREATE INDEX lake_table_named ON ducklake_table (table_name COLLATE NOCASE) WHERE end_snapshot IS NULL;

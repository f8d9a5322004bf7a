-- The first schema: definitions, workflows, instances, attempts, queues, leases, pins, events, ledger.
-- Instants are microseconds since 1970 UTC; lease times are nanoseconds of CLOCK_BOOTTIME of the boot named beside them.
-- The CHECKs and partial unique indexes repeat the state law of core/states.py; a test holds both equal.
-- The DuckLake catalog tables stand in ducklake_1_0.sql, in the extension's own spelling.

CREATE TABLE project (
  one            INTEGER PRIMARY KEY CHECK (one = 1),
  uuid           TEXT NOT NULL,
  name           TEXT NOT NULL,
  created_at     INTEGER NOT NULL,
  created_by     TEXT NOT NULL,
  last_now       INTEGER NOT NULL          -- greatest wall time ever written: a clock that is far behind it is refused
) STRICT;

CREATE TABLE materialized_table (
  table_id       INTEGER PRIMARY KEY,
  uuid           TEXT NOT NULL UNIQUE,
  name           TEXT NOT NULL COLLATE NOCASE,
  origin         TEXT NOT NULL CHECK (origin IN ('file', 'command')),
  file           TEXT,
  file_sha256    TEXT,
  file_size      INTEGER,
  file_mtime_ns  INTEGER,
  lake_table_id  INTEGER NOT NULL,
  folder         TEXT NOT NULL,
  epoch          INTEGER NOT NULL DEFAULT 1,
  version_id     INTEGER,                  -- the definition in force
  created_at     INTEGER NOT NULL,
  dropped_at     INTEGER,
  CHECK ((origin = 'file') = (file IS NOT NULL))
) STRICT;
CREATE UNIQUE INDEX table_name_once ON materialized_table (name) WHERE dropped_at IS NULL;
CREATE INDEX table_name_dropped ON materialized_table (name) WHERE dropped_at IS NOT NULL;
CREATE UNIQUE INDEX table_lake_once ON materialized_table (lake_table_id);

CREATE TABLE lake_table_of (               -- every lake table that a table ever was: a rebuild gives it a new one
  lake_table_id  INTEGER PRIMARY KEY,
  table_id       INTEGER NOT NULL REFERENCES materialized_table (table_id)
) STRICT;
CREATE INDEX lake_table_by ON lake_table_of (table_id);

CREATE TABLE table_version (
  version_id     INTEGER PRIMARY KEY,
  table_id       INTEGER NOT NULL REFERENCES materialized_table (table_id),
  fingerprint    TEXT NOT NULL,
  definition     TEXT NOT NULL CHECK (json_valid(definition)),
  created_at     INTEGER NOT NULL
) STRICT;
CREATE INDEX table_version_of ON table_version (table_id);

CREATE TABLE table_read (                  -- lineage of the definitions in force
  table_id       INTEGER NOT NULL REFERENCES materialized_table (table_id),
  upstream_id    INTEGER NOT NULL REFERENCES materialized_table (table_id),
  PRIMARY KEY (table_id, upstream_id)
) STRICT, WITHOUT ROWID;
CREATE INDEX table_read_by ON table_read (upstream_id);

CREATE TABLE workflow (
  workflow_id    INTEGER PRIMARY KEY,
  name           TEXT NOT NULL COLLATE NOCASE,
  table_id       INTEGER REFERENCES materialized_table (table_id),   -- set for a table's generated one-task workflow
  state          TEXT NOT NULL CHECK (state IN ('enabled', 'disabled', 'completed')),
  version        INTEGER NOT NULL,
  next_fire_at   INTEGER,
  created_at     INTEGER NOT NULL,
  dropped_at     INTEGER
) STRICT;
CREATE UNIQUE INDEX workflow_name_once ON workflow (name) WHERE dropped_at IS NULL;
CREATE UNIQUE INDEX workflow_of_table ON workflow (table_id) WHERE dropped_at IS NULL AND table_id IS NOT NULL;

CREATE TABLE workflow_version (
  workflow_id    INTEGER NOT NULL REFERENCES workflow (workflow_id),
  version        INTEGER NOT NULL,
  definition     TEXT NOT NULL CHECK (json_valid(definition)),
  created_at     INTEGER NOT NULL,
  PRIMARY KEY (workflow_id, version)
) STRICT, WITHOUT ROWID;

CREATE TABLE queue (
  name           TEXT PRIMARY KEY,
  slots          INTEGER NOT NULL CHECK (slots > 0),
  paused         INTEGER NOT NULL DEFAULT 0 CHECK (paused IN (0, 1))
) STRICT, WITHOUT ROWID;
INSERT INTO queue (name, slots) VALUES ('default', 16);

CREATE TABLE holder (                      -- a process that may hold leases; alive while its lock file is locked
  holder_id      INTEGER PRIMARY KEY,
  ulid           TEXT NOT NULL UNIQUE,
  kind           TEXT NOT NULL,
  pid            INTEGER NOT NULL,
  pid_started    INTEGER NOT NULL,         -- clock ticks since boot, so that a recycled pid is seen
  boot_id        TEXT NOT NULL,
  command        TEXT NOT NULL,            -- in words, for "waiting for …"
  beat_boottime  INTEGER NOT NULL,
  runner_group   INTEGER,
  ended_at       INTEGER
) STRICT;

CREATE TABLE workflow_instance (
  instance_id    INTEGER PRIMARY KEY,
  ulid           TEXT NOT NULL UNIQUE,
  workflow_id    INTEGER REFERENCES workflow (workflow_id),          -- NULL for an ad-hoc refresh
  version        INTEGER,
  trigger        TEXT NOT NULL CHECK (trigger IN ('manual', 'schedule', 'backfill')),
  logical_date   INTEGER,
  batch          TEXT,                     -- shared by the instances of one backfill
  title          TEXT NOT NULL,
  manifest       TEXT NOT NULL CHECK (json_valid(manifest)),
  state          TEXT NOT NULL CHECK (state IN ('pending', 'running', 'suspended', 'success', 'failed', 'cancelled')),
  queue          TEXT NOT NULL REFERENCES queue (name),
  priority       INTEGER NOT NULL DEFAULT 100,
  max_parallel   INTEGER,
  holder_id      INTEGER REFERENCES holder (holder_id),              -- NULL: owned by nobody, any daemon may run it
  detached       INTEGER NOT NULL DEFAULT 0 CHECK (detached IN (0, 1)),
  cancel_requested_at INTEGER,
  created_at     INTEGER NOT NULL,
  started_at     INTEGER,
  ended_at       INTEGER,
  CHECK ((state IN ('success', 'failed', 'cancelled')) = (ended_at IS NOT NULL))
) STRICT;
CREATE UNIQUE INDEX instance_fire_once ON workflow_instance (workflow_id, logical_date) WHERE trigger = 'schedule';
CREATE INDEX instance_open ON workflow_instance (state) WHERE ended_at IS NULL;
CREATE INDEX instance_recent ON workflow_instance (created_at);

CREATE TABLE task_instance (
  task_id        INTEGER PRIMARY KEY,
  instance_id    INTEGER NOT NULL REFERENCES workflow_instance (instance_id),
  name           TEXT NOT NULL,
  kind           TEXT NOT NULL DEFAULT 'refresh' CHECK (kind IN ('refresh', 'sql', 'command', 'http')),
  table_id       INTEGER REFERENCES materialized_table (table_id),
  start_at       INTEGER,                  -- the batch: a contiguous range of intervals, fixed at insert
  end_at         INTEGER,
  intervals      TEXT CHECK (intervals IS NULL OR json_valid(intervals)), -- what of it is to do, [[start, end], …]
  interval_count INTEGER NOT NULL DEFAULT 1,
  reasons        TEXT NOT NULL DEFAULT '[]' CHECK (json_valid(reasons)),
  forced         INTEGER NOT NULL DEFAULT 0 CHECK (forced IN (0, 1)),
  state          TEXT NOT NULL CHECK (state IN
                   ('created', 'pending', 'running', 'suspended', 'success', 'failed', 'cancelled', 'skipped')),
  why            TEXT NOT NULL DEFAULT '',
  queue          TEXT NOT NULL REFERENCES queue (name),
  priority       INTEGER NOT NULL DEFAULT 100,
  max_tries      INTEGER NOT NULL DEFAULT 1 CHECK (max_tries > 0),
  tries          INTEGER NOT NULL DEFAULT 0,
  timeout        INTEGER,                  -- microseconds
  ready_at       INTEGER NOT NULL,
  attempt_id     INTEGER,                  -- the running attempt: the fence of every arrow out of running
  started_at     INTEGER,
  ended_at       INTEGER,
  CHECK ((state = 'running') = (attempt_id IS NOT NULL)),
  CHECK ((state IN ('success', 'failed', 'cancelled', 'skipped')) = (ended_at IS NOT NULL)),
  CHECK ((start_at IS NULL) = (end_at IS NULL) AND (start_at IS NULL OR start_at < end_at))
) STRICT;
CREATE INDEX task_of_instance ON task_instance (instance_id, state);
CREATE INDEX task_claimable ON task_instance (priority, ready_at, task_id) WHERE state = 'pending';
CREATE INDEX task_running ON task_instance (queue) WHERE state = 'running';
CREATE INDEX task_open_of_table ON task_instance (table_id) WHERE ended_at IS NULL;
CREATE UNIQUE INDEX one_writer_per_table ON task_instance (table_id) WHERE state = 'running';

CREATE TABLE task_edge (
  upstream_id    INTEGER NOT NULL REFERENCES task_instance (task_id),
  task_id        INTEGER NOT NULL REFERENCES task_instance (task_id),
  PRIMARY KEY (task_id, upstream_id)
) STRICT, WITHOUT ROWID;
CREATE INDEX task_edge_down ON task_edge (upstream_id);

CREATE TABLE attempt (
  attempt_id     INTEGER PRIMARY KEY,
  ulid           TEXT NOT NULL UNIQUE,
  task_id        INTEGER NOT NULL REFERENCES task_instance (task_id),
  number         INTEGER NOT NULL,
  holder_id      INTEGER NOT NULL REFERENCES holder (holder_id),
  table_id       INTEGER REFERENCES materialized_table (table_id),
  epoch          INTEGER,                  -- of the table, pinned at the claim
  version_id     INTEGER,
  pinned_snapshot INTEGER,
  lease_until    INTEGER NOT NULL,         -- CLOCK_BOOTTIME ns
  boot_id        TEXT NOT NULL,
  started_at     INTEGER NOT NULL,
  ended_at       INTEGER,
  outcome        TEXT CHECK (outcome IN
                   ('success', 'failed', 'timed_out', 'cancelled', 'lost', 'released', 'superseded')),
  snapshot_id    INTEGER,                  -- what it published
  intervals      INTEGER NOT NULL DEFAULT 0,
  rows           INTEGER,
  bytes          INTEGER,
  seconds        REAL,
  error_code     TEXT,
  error          TEXT,
  CHECK ((outcome IS NULL) = (ended_at IS NULL))
) STRICT;
CREATE INDEX attempt_of_task ON attempt (task_id);
CREATE INDEX attempt_of_table ON attempt (table_id, attempt_id);
CREATE UNIQUE INDEX attempt_running_once ON attempt (task_id) WHERE outcome IS NULL;
CREATE INDEX attempt_open ON attempt (holder_id) WHERE outcome IS NULL;

CREATE TABLE lease (                       -- named roles (scheduler, maintenance) and table locks outside attempts
  name           TEXT PRIMARY KEY,
  holder_id      INTEGER NOT NULL REFERENCES holder (holder_id),
  lease_until    INTEGER NOT NULL,
  boot_id        TEXT NOT NULL
) STRICT, WITHOUT ROWID;

CREATE TABLE pin (                         -- what gc and expiry must keep
  pin_id         INTEGER PRIMARY KEY,
  holder_id      INTEGER NOT NULL REFERENCES holder (holder_id),
  snapshot_id    INTEGER NOT NULL,
  purpose        TEXT NOT NULL,
  expires        INTEGER NOT NULL,         -- CLOCK_BOOTTIME ns
  boot_id        TEXT NOT NULL
) STRICT;

CREATE TABLE event (
  event_id       INTEGER PRIMARY KEY AUTOINCREMENT,
  at             INTEGER NOT NULL,
  kind           TEXT NOT NULL,
  table_id       INTEGER,
  workflow_id    INTEGER,
  instance_id    INTEGER,
  task_id        INTEGER,
  attempt_id     INTEGER,
  detail         TEXT NOT NULL DEFAULT '{}' CHECK (json_valid(detail))
) STRICT;
CREATE INDEX event_of_instance ON event (instance_id);

CREATE TABLE source_file (                 -- one version of one file as some attempt read it
  source_id      INTEGER PRIMARY KEY,
  path           TEXT NOT NULL,
  size           INTEGER NOT NULL,
  mtime_ns       INTEGER NOT NULL,         -- moves on when a file was touched and its content is the same
  inode          INTEGER NOT NULL,
  sha256         TEXT NOT NULL,
  current        INTEGER NOT NULL CHECK (current IN (0, 1)),
  seen_at        INTEGER NOT NULL,
  UNIQUE (path, size, sha256)
) STRICT;
CREATE UNIQUE INDEX source_current_once ON source_file (path) WHERE current = 1;

CREATE TABLE source_set (                  -- the files that one attempt read together
  source_set_id  INTEGER PRIMARY KEY,
  digest         TEXT NOT NULL UNIQUE
) STRICT;

CREATE TABLE source_set_file (
  source_set_id  INTEGER NOT NULL REFERENCES source_set (source_set_id),
  source_id      INTEGER NOT NULL REFERENCES source_file (source_id),
  PRIMARY KEY (source_set_id, source_id)
) STRICT, WITHOUT ROWID;
CREATE INDEX source_set_file_by ON source_set_file (source_id);

CREATE TABLE ledger (
  ledger_id      INTEGER PRIMARY KEY,
  table_id       INTEGER NOT NULL REFERENCES materialized_table (table_id),
  start_at       INTEGER NOT NULL,
  end_at         INTEGER NOT NULL,
  begin_snapshot INTEGER NOT NULL,
  end_snapshot   INTEGER,
  version_id     INTEGER NOT NULL REFERENCES table_version (version_id),
  attempt_id     INTEGER NOT NULL REFERENCES attempt (attempt_id),
  file_id        INTEGER,                  -- ducklake_data_file; NULL: published empty
  row_start      INTEGER NOT NULL,
  rows           INTEGER NOT NULL,
  fingerprint    TEXT NOT NULL,
  reads          TEXT NOT NULL DEFAULT '[]' CHECK (json_valid(reads)),  -- [[upstream table id, digest], …]
  source_set_id  INTEGER REFERENCES source_set (source_set_id),
  invalidated    TEXT NOT NULL DEFAULT '', -- '' or why it no longer counts, though nothing that it read has changed
  CHECK (start_at < end_at),
  CHECK ((file_id IS NULL) = (rows = 0))
) STRICT;
CREATE UNIQUE INDEX ledger_live ON ledger (table_id, start_at) WHERE end_snapshot IS NULL;
CREATE INDEX ledger_of_file ON ledger (file_id);
CREATE INDEX ledger_ended ON ledger (table_id, end_snapshot) WHERE end_snapshot IS NOT NULL;
CREATE INDEX ledger_of_sources ON ledger (source_set_id, table_id) WHERE end_snapshot IS NULL AND source_set_id IS NOT NULL;
CREATE INDEX ledger_of_attempt ON ledger (attempt_id);

CREATE TABLE coverage (                    -- merged ranges of the ledger, moved by the transaction that moves it
  table_id       INTEGER NOT NULL REFERENCES materialized_table (table_id),
  start_at       INTEGER NOT NULL,
  end_at         INTEGER NOT NULL,
  stale          TEXT NOT NULL DEFAULT '', -- '' fresh, else the reason
  PRIMARY KEY (table_id, start_at),
  CHECK (start_at < end_at)
) STRICT, WITHOUT ROWID;

CREATE TABLE data_file_digest (            -- sha256 of a data file: DuckLake's own tables must not gain columns
  data_file_id   INTEGER PRIMARY KEY,
  table_id       INTEGER NOT NULL,
  sha256         TEXT NOT NULL,
  attempt_id     INTEGER NOT NULL
) STRICT;

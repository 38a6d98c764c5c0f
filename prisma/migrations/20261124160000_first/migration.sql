-- The farm's database. What Prisma's schema cannot say stands here alone: checks, partial indexes, partitions.

CREATE TABLE job (
  id                        uuid PRIMARY KEY,
  name                      text NOT NULL,
  type                      text NOT NULL,
  job_type_version          text NOT NULL,
  status                    text NOT NULL CHECK (status IN ('under-construction', 'queued', 'active', 'completed', 'failed', 'cancel-requested', 'canceled', 'requeueing')),
  status_reason             text NOT NULL,
  error                     text,
  priority                  integer NOT NULL CHECK (priority BETWEEN 0 AND 100),
  max_workers               integer CHECK (max_workers BETWEEN 0 AND 10000),
  worker_tag                text,
  max_attempts              integer NOT NULL CHECK (max_attempts BETWEEN 1 AND 20),
  failure_limit_percent     integer NOT NULL CHECK (failure_limit_percent BETWEEN 1 AND 100),
  task_timeout_seconds      integer,
  no_output_timeout_seconds integer,
  submitter                 text NOT NULL,
  settings                  jsonb NOT NULL,
  metadata                  jsonb NOT NULL,
  files                     jsonb NOT NULL,
  idempotency_key           text,
  input_hash                text NOT NULL,
  sequence                  integer NOT NULL DEFAULT 0,
  tasks_total               integer NOT NULL DEFAULT 0,
  tasks_queued              integer NOT NULL DEFAULT 0,
  tasks_active              integer NOT NULL DEFAULT 0,
  tasks_completed           integer NOT NULL DEFAULT 0,
  tasks_soft_failed         integer NOT NULL DEFAULT 0,
  tasks_failed              integer NOT NULL DEFAULT 0,
  tasks_canceled            integer NOT NULL DEFAULT 0,
  tasks_canceled_by_failure integer NOT NULL DEFAULT 0,
  tasks_claimable           integer NOT NULL DEFAULT 0,
  frames_total              integer NOT NULL DEFAULT 0,
  frames_done               integer NOT NULL DEFAULT 0,
  work_total                integer NOT NULL DEFAULT 0,
  work_done                 double precision NOT NULL DEFAULT 0,
  recent_frame_seconds      double precision[] NOT NULL DEFAULT '{}',
  created_at                timestamptz(3) NOT NULL,
  updated_at                timestamptz(3) NOT NULL,
  started_at                timestamptz(3),
  finished_at               timestamptz(3),
  -- Counters that went wrong must stop the transaction that made them wrong.
  CHECK (tasks_total = tasks_queued + tasks_active + tasks_completed + tasks_soft_failed + tasks_failed + tasks_canceled),
  CHECK (least(tasks_queued, tasks_active, tasks_completed, tasks_soft_failed, tasks_failed, tasks_canceled) >= 0),
  CHECK (tasks_canceled_by_failure BETWEEN 0 AND tasks_canceled),
  CHECK (tasks_claimable BETWEEN 0 AND tasks_queued + tasks_soft_failed),
  -- A finished job has only finished tasks.
  CHECK (status NOT IN ('completed', 'failed', 'canceled') OR tasks_queued + tasks_active + tasks_soft_failed = 0)
);
CREATE UNIQUE INDEX job_idempotency_key_key ON job (idempotency_key);
CREATE INDEX job_created_at_id_idx ON job (created_at, id);
CREATE INDEX job_stopping_idx ON job (id) WHERE status = 'cancel-requested';

CREATE TABLE job_queue (
  job_id    uuid NOT NULL REFERENCES job (id) ON DELETE CASCADE ON UPDATE CASCADE,
  task_type text NOT NULL,
  claimable integer NOT NULL DEFAULT 0 CHECK (claimable >= 0),
  PRIMARY KEY (job_id, task_type)
);
-- A claim reads only what can be claimed now, however many jobs are stored.
CREATE INDEX job_queue_claimable_idx ON job_queue (task_type, job_id) WHERE claimable > 0;

CREATE TABLE worker (
  id                   uuid PRIMARY KEY,
  name                 text NOT NULL,
  token_hash           text NOT NULL,
  status               text NOT NULL CHECK (status IN ('AWAKE', 'ASLEEP', 'OFFLINE', 'LOST')),
  requested_status     text CHECK (requested_status IN ('AWAKE', 'ASLEEP', 'OFFLINE', 'RESTART')),
  requested_timing     text CHECK (requested_timing IN ('NOW', 'AFTER_CURRENT_TASK')),
  platform             text NOT NULL,
  version              text NOT NULL,
  task_types           text[] NOT NULL,
  tags                 text[] NOT NULL,
  has_fixed_task_types boolean NOT NULL DEFAULT false,
  has_fixed_tags       boolean NOT NULL DEFAULT false,
  blender_versions     text[] NOT NULL,
  slots                integer NOT NULL DEFAULT 1 CHECK (slots >= 1),
  session_number       integer NOT NULL DEFAULT 0,
  is_signed_on         boolean NOT NULL DEFAULT false,
  registered_at        timestamptz(3) NOT NULL,
  last_seen_at         timestamptz(3) NOT NULL,
  deleted_at           timestamptz(3)
);
CREATE UNIQUE INDEX worker_token_hash_key ON worker (token_hash);
-- A deleted worker's name is free again.
CREATE UNIQUE INDEX worker_name_living_idx ON worker (name) WHERE deleted_at IS NULL;

CREATE TABLE task (
  id                uuid PRIMARY KEY,
  job_id            uuid NOT NULL REFERENCES job (id) ON DELETE CASCADE ON UPDATE CASCADE,
  index             integer NOT NULL,
  name              text NOT NULL,
  type              text NOT NULL,
  status            text NOT NULL CHECK (status IN ('queued', 'active', 'completed', 'soft-failed', 'failed', 'canceled')),
  status_reason     text NOT NULL,
  frames            text,
  frame_count       integer NOT NULL DEFAULT 0,
  frames_done       integer NOT NULL DEFAULT 0 CHECK (frames_done BETWEEN 0 AND frame_count),
  commands          jsonb NOT NULL,
  open_dependencies integer NOT NULL DEFAULT 0 CHECK (open_dependencies >= 0),
  failed_attempts   integer NOT NULL DEFAULT 0 CHECK (failed_attempts >= 0),
  last_failed_at    timestamptz(3),
  attempt_count     integer NOT NULL DEFAULT 0,
  progress          double precision NOT NULL DEFAULT 0 CHECK (progress BETWEEN 0 AND 1),
  activity          text,
  stop_requested_at timestamptz(3),
  completed_once    boolean NOT NULL DEFAULT false,
  worker_id         uuid REFERENCES worker (id) ON DELETE SET NULL ON UPDATE CASCADE
) WITH (fillfactor = 85);
CREATE UNIQUE INDEX task_job_id_index_key ON task (job_id, index);
CREATE INDEX task_job_id_status_idx ON task (job_id, status);
CREATE INDEX task_worker_id_idx ON task (worker_id);
-- Only what can be given out now: with unclaimable rows in it, a claim would wade through them.
CREATE INDEX task_claimable_idx ON task (job_id, type, index) WHERE open_dependencies = 0 AND status IN ('queued', 'soft-failed');

CREATE TABLE task_dependency (
  job_id        uuid NOT NULL REFERENCES job (id) ON DELETE CASCADE ON UPDATE CASCADE,
  task_id       uuid NOT NULL REFERENCES task (id) ON DELETE CASCADE ON UPDATE CASCADE,
  depends_on_id uuid NOT NULL REFERENCES task (id) ON DELETE CASCADE ON UPDATE CASCADE,
  PRIMARY KEY (task_id, depends_on_id)
);
CREATE INDEX task_dependency_depends_on_id_idx ON task_dependency (depends_on_id);
CREATE INDEX task_dependency_job_id_idx ON task_dependency (job_id);

CREATE TABLE attempt (
  id                uuid PRIMARY KEY,
  job_id            uuid NOT NULL REFERENCES job (id) ON DELETE CASCADE ON UPDATE CASCADE,
  task_id           uuid NOT NULL REFERENCES task (id) ON DELETE CASCADE ON UPDATE CASCADE,
  number            integer NOT NULL,
  worker_id         uuid NOT NULL REFERENCES worker (id) ON DELETE RESTRICT ON UPDATE CASCADE,
  session_number    integer NOT NULL,
  token             uuid NOT NULL,
  started_at        timestamptz(3) NOT NULL,
  last_output_at    timestamptz(3) NOT NULL,
  ended_at          timestamptz(3),
  outcome           text CHECK (outcome IN ('COMPLETED', 'FAILED', 'TIMED_OUT', 'LOST', 'STOPPED', 'HANDED_BACK')),
  failure_kind      text,
  failure_message   text,
  failure_exit_code integer,
  report_sequence   integer NOT NULL DEFAULT 0,
  stop_order        text CHECK (stop_order IN ('CANCELED', 'RECALLED')),
  stop_reason       text,
  stop_requested_by text,
  stop_comment      text,
  stop_sent_at      timestamptz(3),
  log_bytes         bigint NOT NULL DEFAULT 0,
  log_truncated     boolean NOT NULL DEFAULT false,
  CHECK ((ended_at IS NULL) = (outcome IS NULL))
) WITH (fillfactor = 85);
CREATE UNIQUE INDEX attempt_token_key ON attempt (token);
CREATE UNIQUE INDEX attempt_task_id_number_key ON attempt (task_id, number);
CREATE INDEX attempt_job_id_idx ON attempt (job_id);
CREATE INDEX attempt_worker_id_idx ON attempt (worker_id);
-- A task has at most one live attempt, whatever the code does.
CREATE UNIQUE INDEX attempt_live_task_idx ON attempt (task_id) WHERE ended_at IS NULL;
CREATE INDEX attempt_live_worker_idx ON attempt (worker_id) WHERE ended_at IS NULL;

CREATE TABLE output (
  id             uuid PRIMARY KEY,
  job_id         uuid NOT NULL REFERENCES job (id) ON DELETE CASCADE ON UPDATE CASCADE,
  task_id        uuid NOT NULL REFERENCES task (id) ON DELETE CASCADE ON UPDATE CASCADE,
  attempt_id     uuid NOT NULL REFERENCES attempt (id) ON DELETE CASCADE ON UPDATE CASCADE,
  frame          integer,
  path           text NOT NULL,
  bytes          bigint NOT NULL,
  render_seconds double precision,
  created_at     timestamptz(3) NOT NULL
);
CREATE UNIQUE INDEX output_attempt_id_path_key ON output (attempt_id, path);
CREATE INDEX output_job_id_frame_idx ON output (job_id, frame);
CREATE INDEX output_task_id_idx ON output (task_id);

CREATE TABLE task_failure (
  task_id        uuid NOT NULL REFERENCES task (id) ON DELETE CASCADE ON UPDATE CASCADE,
  worker_id      uuid NOT NULL REFERENCES worker (id) ON DELETE CASCADE ON UPDATE CASCADE,
  job_id         uuid NOT NULL REFERENCES job (id) ON DELETE CASCADE ON UPDATE CASCADE,
  task_type      text NOT NULL,
  failures       integer NOT NULL DEFAULT 0 CHECK (failures >= 0),
  losses         integer NOT NULL DEFAULT 0 CHECK (losses BETWEEN 0 AND failures),
  failed_at      timestamptz(3),
  handed_back_at timestamptz(3),
  PRIMARY KEY (task_id, worker_id)
);
CREATE INDEX task_failure_job_id_worker_id_idx ON task_failure (job_id, worker_id);
CREATE INDEX task_failure_worker_id_idx ON task_failure (worker_id);

CREATE TABLE worker_block (
  job_id    uuid NOT NULL REFERENCES job (id) ON DELETE CASCADE ON UPDATE CASCADE,
  worker_id uuid NOT NULL REFERENCES worker (id) ON DELETE CASCADE ON UPDATE CASCADE,
  task_type text NOT NULL,
  until     timestamptz(3) NOT NULL,
  PRIMARY KEY (job_id, worker_id, task_type)
);
CREATE INDEX worker_block_worker_id_idx ON worker_block (worker_id);

-- xid and id together give the order in which a reader may hand events on: see src/feed/.
CREATE TABLE event (
  id              bigserial PRIMARY KEY,
  xid             xid8 NOT NULL DEFAULT pg_current_xact_id(),
  job_id          uuid NOT NULL,
  job_type        text NOT NULL,
  submitter       text NOT NULL,
  at              timestamptz(3) NOT NULL,
  actor           text NOT NULL,
  reason          text NOT NULL,
  message         text,
  kind            text NOT NULL CHECK (kind IN ('job', 'task', 'deletion')),
  from_status     text,
  to_status       text,
  first_sequence  integer NOT NULL,
  task_ids        uuid[] NOT NULL DEFAULT '{}',
  task_names      text[] NOT NULL DEFAULT '{}',
  attempt_numbers integer[] NOT NULL DEFAULT '{}',
  CHECK ((kind = 'task') = (cardinality(task_ids) > 0)),
  CHECK (cardinality(task_ids) = cardinality(task_names) AND cardinality(task_ids) = cardinality(attempt_numbers))
);
CREATE INDEX event_feed_idx ON event (xid, id);
CREATE INDEX event_job_id_first_sequence_idx ON event (job_id, first_sequence);
CREATE INDEX event_at_idx ON event (at);

CREATE TABLE task_log_chunk (
  attempt_id uuid NOT NULL,
  "offset"   bigint NOT NULL,
  day        date NOT NULL,
  bytes      integer NOT NULL,
  text       text NOT NULL,
  PRIMARY KEY (attempt_id, "offset", day)
) PARTITION BY RANGE (day);
-- Holds what no day's partition was made for in time; see src/store/log-partitions.ts.
CREATE TABLE task_log_chunk_default PARTITION OF task_log_chunk DEFAULT;

CREATE TABLE feed_epoch (
  id    integer PRIMARY KEY DEFAULT 1 CHECK (id = 1),
  epoch uuid NOT NULL
);
INSERT INTO feed_epoch (epoch) VALUES (gen_random_uuid());

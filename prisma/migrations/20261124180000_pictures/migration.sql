-- Small pictures of rendered frames: in the database, so that every gateway has them and they go with their job. They are
-- compressed already. The only foreign key is the task's: with the job's as well, inserting a picture and deleting its job
-- could wait for each other.
CREATE TABLE picture (
  id             uuid PRIMARY KEY,
  job_id         uuid NOT NULL,
  task_id        uuid NOT NULL REFERENCES task (id) ON DELETE CASCADE ON UPDATE CASCADE,
  frame          integer NOT NULL,
  attempt_number integer NOT NULL,
  jpeg           bytea NOT NULL CHECK (octet_length(jpeg) BETWEEN 1 AND 65536),
  created_at     timestamptz(3) NOT NULL
);
ALTER TABLE picture ALTER COLUMN jpeg SET STORAGE EXTERNAL;
CREATE UNIQUE INDEX picture_task_id_frame_key ON picture (task_id, frame);
CREATE INDEX picture_job_id_frame_id_idx ON picture (job_id, frame, id);
CREATE INDEX picture_job_id_id_idx ON picture (job_id, id);

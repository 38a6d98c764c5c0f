-- To count and to find the jobs of a status without reading the others.
CREATE INDEX job_status_id_idx ON job (status, id);

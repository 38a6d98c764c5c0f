-- Who is told when a job has ended, and how far in the event feed notices have been made for it.
CREATE TABLE webhook (
  url    text PRIMARY KEY,
  cursor text NOT NULL
);

-- What is still to be told.
CREATE TABLE notice (
  id         uuid PRIMARY KEY,
  url        text NOT NULL REFERENCES webhook (url) ON DELETE CASCADE ON UPDATE CASCADE,
  body       text NOT NULL,
  tries      integer NOT NULL DEFAULT 0,
  created_at timestamptz(3) NOT NULL,
  due_at     timestamptz(3) NOT NULL
);
CREATE INDEX notice_url_due_at_idx ON notice (url, due_at);

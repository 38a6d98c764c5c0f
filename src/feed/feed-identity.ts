import { createHash } from 'node:crypto';
import type { ClientBase, Pool } from 'pg';
import { query, type Statement } from '../store/database.ts';
import type { FeedIdentity } from './cursor.ts';

/**
 * The stored uuid tells farms apart; the system identifier and the oid tell copies made by dump or CREATE DATABASE …
 * TEMPLATE; the timeline tells a server that was restored to an earlier moment, or a promoted standby.
 */
const IDENTITY: Statement = {
  name: 'feed-identity',
  text: `SELECT epoch, (SELECT system_identifier::text FROM pg_control_system()) AS system,
      (SELECT oid::text FROM pg_database WHERE datname = current_database()) AS database,
      left(pg_walfile_name(pg_current_wal_insert_lsn()), 8) AS timeline
    FROM feed_epoch`,
};

interface IdentityRow {
  readonly epoch: string;
  readonly system: string;
  readonly database: string;
  readonly timeline: string;
}

/** Which history this database is in. Cursors of another one are refused. */
export async function readFeedIdentity(client: ClientBase | Pool): Promise<FeedIdentity> {
  const { epoch, system, database, timeline } = (await query<IdentityRow & object>(client, IDENTITY)).rows[0]!;
  // A digest: every change in every batch carries it.
  const digest = createHash('sha256').update(`${epoch} ${system} ${database} ${timeline}`).digest('base64url');
  return { epoch: digest.slice(0, 16) };
}

import type { Pool } from 'pg';
import type { Statement } from './statements.ts';

interface PlanNode {
  readonly 'Node Type': string;
  readonly 'Relation Name'?: string;
  readonly 'Actual Rows': number;
  readonly 'Actual Loops': number;
  readonly 'Rows Removed by Filter'?: number;
  readonly 'Rows Removed by Index Recheck'?: number;
  readonly Plans?: readonly PlanNode[];
}

/** What a statement went through. */
export interface Reading {
  /** Rows of tables that were looked at, those that a filter threw away included, by table. */
  readonly rows: Readonly<Record<string, number>>;
  /** Tables that were gone through from one end to the other. */
  readonly scanned: ReadonlySet<string>;
}

/** Runs statements once more and says what they read. */
export async function explain(pool: Pool, statements: readonly Statement[]): Promise<Reading> {
  const rows: Record<string, number> = {};
  const scanned = new Set<string>();
  for (const { text, values } of statements) {
    const answer = await pool.query<{ 'QUERY PLAN': { Plan: PlanNode }[] }>(
      `EXPLAIN (ANALYZE, TIMING OFF, FORMAT JSON) ${text}`,
      [...values],
    );
    look(answer.rows[0]!['QUERY PLAN'][0]!.Plan);
  }
  return { rows, scanned };

  function look(node: PlanNode): void {
    const table = node['Relation Name'];
    if (table) {
      const removed = (node['Rows Removed by Filter'] ?? 0) + (node['Rows Removed by Index Recheck'] ?? 0);
      rows[table] = (rows[table] ?? 0) + Math.ceil((node['Actual Rows'] + removed) * node['Actual Loops']);
      if (node['Node Type'] === 'Seq Scan') scanned.add(table);
    }
    for (const inner of node.Plans ?? []) look(inner);
  }
}

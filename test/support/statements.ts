import type { ClientBase, Pool } from 'pg';

export interface Statement {
  readonly text: string;
  readonly values: readonly unknown[];
}

/** Statements of the gateway itself, which run whatever is asked. */
const OWN = /^feed-(tail|end|identity)$/;

/**
 * Listens to everything that goes through a pool, Prisma's statements too. `during` gives those that ran meanwhile, without
 * BEGIN and COMMIT and what the gateway does by itself.
 */
export class StatementLog {
  private readonly heard = new WeakSet<ClientBase>();
  private statements: Statement[] = [];

  constructor(pool: Pool) {
    pool.on('acquire', (client) => {
      if (this.heard.has(client)) return;
      this.heard.add(client);
      const send = client.query.bind(client) as (...args: unknown[]) => unknown;
      client.query = ((...args: unknown[]) => {
        this.note(args[0] as string | { name?: string; text: string; values?: unknown[] }, args[1]);
        return send(...args);
      }) as typeof client.query;
    });
  }

  async during(run: () => Promise<unknown>): Promise<Statement[]> {
    this.statements = [];
    await run();
    return [...this.statements];
  }

  private note(given: string | { name?: string; text: string; values?: unknown[] }, values: unknown): void {
    const { name = '', text, values: own } = typeof given === 'string' ? { text: given } : { ...given };
    if (OWN.test(name) || /^(BEGIN|COMMIT|ROLLBACK|LISTEN|UNLISTEN|NOTIFY)/.test(text)) return;
    this.statements.push({ text, values: own ?? (Array.isArray(values) ? values : []) });
  }
}

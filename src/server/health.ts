import type { ErrorMask } from './masking.ts';
import type { Route } from './routes.ts';

export interface Readiness {
  readonly ok: boolean;
  /** Why not, one sentence each; empty when ok. */
  readonly reasons: readonly string[];
}

/** Longer than any of the database's own time limits, shorter than what a supervisor waits. */
const READINESS_LIMIT_MS = 5_000;

/** `/health`: the process lives. It asks nobody, so that a supervisor does not restart a gateway whose database is away. */
export function healthRoute(version: string): Route {
  return { path: '/health', methods: ['GET'], answer: () => Response.json({ status: 'ok', version }) };
}

/** `/ready`: work can be given to this gateway now; 503 with the reasons when not. */
export function readyRoute(isReady: () => Promise<Readiness>, mask: ErrorMask, limitMs = READINESS_LIMIT_MS): Route {
  async function answer(): Promise<Response> {
    const { ok, reasons } = await judgeReadiness(isReady, mask, limitMs);
    return Response.json({ status: ok ? 'ready' : 'not ready', reasons }, { status: ok ? 200 : 503 });
  }
  return { path: '/ready', methods: ['GET'], answer };
}

async function judgeReadiness(isReady: () => Promise<Readiness>, mask: ErrorMask, limitMs: number): Promise<Readiness> {
  let timer: NodeJS.Timeout | undefined;
  const tooLate = new Promise<Readiness>((resolve) => {
    const reasons = [`The check did not end within ${limitMs / 1000} s.`];
    timer = setTimeout(() => resolve({ ok: false, reasons }), limitMs);
  });
  try {
    return await Promise.race([isReady(), tooLate]);
  } catch (error) {
    return { ok: false, reasons: [mask(error).message] };
  } finally {
    clearTimeout(timer);
  }
}

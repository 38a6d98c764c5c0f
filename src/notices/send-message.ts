/** Answers later than this (ms) count as none. */
const ANSWER_MS = 8_000;

/**
 * Posts a message.
 *
 * @returns null when the receiver has taken it (any 2xx), else why not
 */
export async function sendMessage(
  url: string,
  body: string,
  headers: Readonly<Record<string, string>>,
  signal: AbortSignal,
): Promise<string | null> {
  try {
    const response = await fetch(url, {
      method: 'POST',
      headers: { 'Content-Type': 'application/json', ...headers },
      body,
      // Whoever is redirected to was not chosen by this farm's owner.
      redirect: 'manual',
      signal: AbortSignal.any([signal, AbortSignal.timeout(ANSWER_MS)]),
    });
    // What it says is nobody's business here, however long it is.
    await response.body?.cancel();
    return response.ok ? null : `HTTP ${response.status}`;
  } catch (error) {
    const { cause, message } = error as Error;
    return cause instanceof Error ? cause.message || (cause as NodeJS.ErrnoException).code || message : message;
  }
}

import type { WebSocket, WebSocketServer } from 'ws';

/** Often enough for routers and proxies, which forget a silent connection after a minute at the earliest. */
export const PING_INTERVAL_MS = 15_000;
/** A long garbage collection or a lossy line is not a death. */
const MISSED_PINGS = 3;

/**
 * Pings every socket and cuts off those from which nothing has come for three pings: machines that went to sleep, and
 * readers that no longer read.
 * @returns the function that stops it
 */
export function keepAlive(server: WebSocketServer, intervalMs: number): () => void {
  const unanswered = new WeakMap<WebSocket, number>();

  server.on('connection', (socket) => {
    const noteLife = () => unanswered.set(socket, 0);
    socket.on('message', noteLife);
    socket.on('pong', noteLife);
  });

  const timer = setInterval(() => {
    for (const socket of server.clients) {
      const count = unanswered.get(socket) ?? 0;
      if (count >= MISSED_PINGS) {
        socket.terminate();
        continue;
      }
      unanswered.set(socket, count + 1);
      socket.ping();
    }
  }, intervalMs);
  timer.unref();
  return () => clearInterval(timer);
}

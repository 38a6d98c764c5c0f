import type { WebSocket } from 'ws';

/** Answers that a client has not taken yet, in bytes, before we stop taking requests from it. */
const MAX_UNREAD_BYTES = 1024 * 1024;

/**
 * Makes the function that sends, at the pace of the one who reads. It resolves when the message has been handed to the
 * operating system; graphql-ws asks a subscription for its next result only then, so each holds one message at most. Queries
 * come as fast as the client sends them, whether it reads the answers or not: then its requests are not read either.
 */
export function pace(socket: WebSocket): (text: string) => Promise<void> {
  const closed = new Promise<void>((resolve) => socket.once('close', () => resolve()));

  return (text) => {
    // Resolved at once, a closing socket would swallow a stream as fast as its source can make it.
    if (socket.readyState !== socket.OPEN) return closed;
    return new Promise((resolve) => {
      socket.send(text, () => {
        if (socket.isPaused && socket.bufferedAmount < MAX_UNREAD_BYTES / 2) socket.resume();
        resolve();
      });
      if (socket.bufferedAmount > MAX_UNREAD_BYTES) socket.pause();
    });
  };
}

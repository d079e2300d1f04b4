import type { Writable } from 'node:stream';

/**
 * Lets what is published in one turn leave in one write.
 *
 * amqplib hands each message to the socket by itself, in a `setImmediate` that it plans in the tick after the first was
 * published; with `noDelay` each is a system call and a packet, which costs more than all else that a message needs.
 * Corked until right after that, they are one. Nothing waits longer than it did. Should amqplib plan it another way one day,
 * messages leave one by one again.
 *
 * @returns what to call after each message
 */
export function writeTogether(socket: Writable | undefined): () => void {
  let corked = false;
  return () => {
    if (corked || !socket) return;
    corked = true;
    socket.cork();
    process.nextTick(() => {
      setImmediate(() => {
        corked = false;
        socket.uncork();
      });
    });
  };
}

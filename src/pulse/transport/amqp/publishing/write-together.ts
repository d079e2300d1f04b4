import type { Writable } from 'node:stream';

/**
 * Combines the messages published in one turn into one write.
 *
 * amqplib passes each message to the socket separately, in a `setImmediate` that it schedules in the tick after the
 * first message was published. With `noDelay`, each message is then a system call and a packet, which costs more than
 * the rest of publishing. If the socket is corked until right after that, they become one write, and no message waits
 * longer than before. Should amqplib schedule this differently one day, messages are sent one by one again.
 *
 * @returns a function to call after each message
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

import type { ChildProcess } from 'node:child_process';
import { randomUUID } from 'node:crypto';
import { afterAll, inject, vi } from 'vitest';
import { connect, namedQueue, type Pulse } from '../../../src/pulse/index.ts';
import { start, tcw } from '../tcw.ts';
import { PATIENCE_MS } from '../../patience.ts';

/** `tcw pulse …` against the broker of the tests, as a person who logs in with `-s`. */
export function pulse(words: readonly string[], input?: string) {
  return tcw(['pulse', ...words, '-s', inject('pulseUrl')], input === undefined ? {} : { input });
}

const undo: (() => unknown)[] = [];
afterAll(async () => {
  for (const step of undo.reverse()) await step();
});

/** Done when the tests of the file are over: they run at the same time, and know no end of their own. */
export function atTheEnd(step: () => unknown): void {
  undo.push(step);
}

/** The user's own names, which no other test has. */
export const user = new URL(inject('pulseUrl')).username;
export const newName = () => `cli-${randomUUID().slice(0, 8)}`;

/** An exchange of one's own, to publish to. */
export async function ownExchange(): Promise<{ exchange: string; pulse: Pulse }> {
  const exchange = `exchange/${user}/${newName()}`;
  const connection = connect({ url: inject('pulseUrl') });
  atTheEnd(() => connection.close());
  await connection.declareExchange(exchange);
  return { exchange, pulse: connection };
}

/** Waits for something. `expect.poll` would have to know which of the tests that run it is for. */
export async function eventually(holds: () => boolean | Promise<boolean>): Promise<void> {
  await vi.waitUntil(holds, { timeout: PATIENCE_MS, interval: 50 });
}

/** A `tcw pulse listen` that has begun to. */
export function listening(...words: readonly string[]) {
  return listeningAt(inject('pulseUrl'), ...words);
}

/** The same, by another way to the broker. */
export async function listeningAt(url: string, ...words: readonly string[]) {
  const listener = watched(start(['pulse', 'listen', ...words, '-s', url]));
  const { child, said } = listener;
  // What waits in a queue may be all that it wants, before it has said a word.
  await eventually(() => said().includes('tcw: listening to ') || child.exitCode !== null);
  return listener;
}

/** A `tcw pulse publish` that reads an input which goes on. */
export function publishing(...words: readonly string[]) {
  const options = { input: '', inputStaysOpen: true } as const;
  return watched(start(['pulse', 'publish', ...words, '-s', inject('pulseUrl')], options));
}

function watched(child: ChildProcess) {
  let stdout = '';
  let stderr = '';
  child.stdout?.on('data', chunk => (stdout += String(chunk)));
  child.stderr?.on('data', chunk => (stderr += String(chunk)));
  const ended = new Promise<number | null>(resolve => child.on('close', resolve));
  atTheEnd(() => {
    child.kill('SIGKILL');
  });
  return {
    child,
    ended,
    said: () => stderr,
    printed: () => stdout,
    lines: () => stdout.split('\n').slice(0, -1),
    messages: () =>
      stdout
        .split('\n')
        .slice(0, -1)
        .map(line => JSON.parse(line) as { routingKey: string; body: { id: number } }),
  };
}

/** A durable queue as `listen --queue` makes it, bound to an exchange. */
export async function ownQueue(exchange: string, connection: Pulse, bodies: readonly object[] = []) {
  const name = newName();
  const queue = connection.queue(namedQueue(name, { maxLength: 1_000 }));
  await queue.declare([{ exchange, pattern: '#' }]);
  atTheEnd(() => queue.delete());
  for (const body of bodies) await connection.publish(exchange, 'key', body);
  return { name, words: [exchange, '--queue', name] };
}

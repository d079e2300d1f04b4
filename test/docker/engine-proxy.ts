import { once } from 'node:events';
import { mkdtemp, rm } from 'node:fs/promises';
import { createServer, type Socket } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { onTestFinished } from 'vitest';
import { toEngine } from '../harness/docker/to-engine.ts';
import { host } from './container-worker.ts';

/** The test's engine, behind a socket that can be closed, and where single calls can be held. */
export interface EngineProxy {
  /** As in DOCKER_HOST. */
  readonly host: string;
  /** The first lines of all calls: `POST /v1.41/containers/create HTTP/1.1`. */
  readonly calls: readonly string[];
  /** Holds the calls whose first lines match. A call that is let through reaches the engine also when its client has gone. */
  hold(pattern: RegExp): HeldCalls;
  /** Lets the next call whose first line matches reach the engine, and breaks its connection before the answer. */
  loseAnswer(pattern: RegExp): void;
  /** Ends all connections and takes no more, as an engine that is stopped. Its containers are left as they are. */
  stop(): Promise<void>;
  /** Listens again. */
  start(): Promise<void>;
}

export interface HeldCalls {
  /** Settles when the first such call has come. */
  readonly reached: Promise<unknown>;
  /** Lets them through. */
  release(): void;
}

interface Hold {
  readonly pattern: RegExp;
  readonly reached: PromiseWithResolvers<undefined>;
  readonly released: PromiseWithResolvers<undefined>;
}

/** Listens until the test has ended. */
export async function engineProxy(): Promise<EngineProxy> {
  const folder = await mkdtemp(join(tmpdir(), 'tcw-proxy-'));
  const path = join(folder, 'docker.sock');
  const sockets = new Set<Socket>();
  const holds: Hold[] = [];
  const lost: RegExp[] = [];
  const calls: string[] = [];
  const server = createServer({ allowHalfOpen: true }, near => {
    const far = toEngine(host);
    let isHeld = false;
    for (const [one, other] of [
      [near, far],
      [far, near],
    ] as const) {
      sockets.add(one);
      one
        .on('error', () => undefined)
        .on('close', () => {
          sockets.delete(one);
          // What is held goes on to the engine later.
          if (!(one === near && isHeld)) other.destroy();
        });
    }
    far.pipe(near);
    near.on('end', () => {
      if (!isHeld) far.end();
    });
    near.on('data', (bytes: Buffer) => {
      // A client sends one call at a time.
      const [line = ''] = bytes.toString('latin1', 0, 2_000).split('\r\n');
      if (line.endsWith(' HTTP/1.1')) calls.push(line);
      const lose = lost.findIndex(pattern => pattern.test(line));
      if (lose !== -1) {
        lost.splice(lose, 1);
        far.unpipe(near);
        far.once('data', () => near.destroy()).resume();
      }
      const held = holds.find(({ pattern }) => pattern.test(line));
      if (!held) {
        far.write(bytes);
        return;
      }
      near.pause();
      isHeld = true;
      held.reached.resolve(undefined);
      void held.released.promise.then(() => {
        isHeld = false;
        far.write(bytes);
        if (near.destroyed) far.once('data', () => far.destroy()).resume();
        near.resume();
      });
    });
  });
  const start = async () => {
    server.listen(path);
    await once(server, 'listening');
  };
  const stop = async () => {
    if (!server.listening) return;
    const closed = once(server, 'close');
    server.close();
    for (const socket of sockets) socket.destroy();
    await closed;
  };
  await start();
  onTestFinished(async () => {
    await stop();
    await rm(folder, { recursive: true });
  });
  return {
    host: `unix://${path}`,
    calls,
    hold: pattern => {
      const hold = {
        pattern,
        reached: Promise.withResolvers<undefined>(),
        released: Promise.withResolvers<undefined>(),
      };
      holds.push(hold);
      return {
        reached: hold.reached.promise,
        release: () => {
          holds.splice(holds.indexOf(hold), 1);
          hold.released.resolve(undefined);
        },
      };
    },
    loseAnswer: pattern => {
      lost.push(pattern);
    },
    stop,
    start,
  };
}

import { execFileSync, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import {
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  realpathSync,
  rmSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import taskcluster from 'taskcluster-client';
import { expect } from 'vitest';
import type { QueueApi } from '../../src/taskcluster/index.ts';
import { start, tcw } from './tcw.ts';
import { waitFor } from '../wait-for.ts';

/** A folder for one test, and what a user does in it. */
export interface Workplace extends AsyncDisposable {
  readonly folder: string;
  /** Where its tcw makes temporary files, and nobody else. */
  readonly temporary: string;
  /** Writes a file and returns its path. */
  write(name: string, content: unknown): string;
  /** Runs `tcw` to its end. */
  tcw(...words: string[]): ReturnType<typeof tcw>;
  /** Starts `tcw dev`, until the queue is there. */
  dev(...words: string[]): Promise<DevSession>;
}

/** A `tcw dev` that runs, and a user with the credentials that it printed. */
export interface DevSession {
  readonly process: ChildProcess;
  readonly rootUrl: string;
  readonly stdout: string;
  readonly stderr: string;
  readonly queue: Queue;
  /** Creates a task for the worker of `tcw dev`, and returns its id. */
  create(payload: object, definition?: object): Promise<string>;
  /** Waits until a task is resolved: its state and why, `exception/malformed-payload`, and its log. */
  resolved(taskId: string): Promise<{ resolution: string; log: string }>;
  artifacts(taskId: string): Promise<QueueApi['listLatestArtifacts']['output']['artifacts']>;
  /** The content of a public artifact. */
  artifact(taskId: string, name: string): Promise<string>;
  /** Sends a signal and waits for the end. */
  stop(signal?: NodeJS.Signals): Promise<number | null>;
}

/** The calls of taskcluster-client, as a user of it makes them. */
type Queue = { readonly [N in keyof QueueApi]: (...args: unknown[]) => Promise<QueueApi[N]['output']> };

export function newWorkplace(): Workplace {
  const folder = mkdtempSync(join(realpathSync(tmpdir()), 'tcw-dev-test-'));
  const temporary = join(folder, 'tmp');
  mkdirSync(temporary);
  const environment = { TMPDIR: temporary };
  const sessions: DevSession[] = [];
  return {
    folder,
    temporary,
    write: (name, content) => {
      const file = join(folder, name);
      writeFileSync(file, typeof content === 'string' ? content : JSON.stringify(content));
      return file;
    },
    tcw: (...words) => tcw(words, { environment }),
    dev: async (...words) => {
      const session = await devSession(words, environment);
      sessions.push(session);
      return session;
    },
    [Symbol.asyncDispose]: async () => {
      await Promise.all(sessions.map(session => session.stop('SIGKILL')));
      rmSync(folder, { recursive: true });
    },
  };
}

async function devSession(
  words: readonly string[],
  environment: Readonly<Record<string, string>>,
): Promise<DevSession> {
  const child = start(['dev', ...words], { environment });
  const closed = once(child, 'close') as Promise<[number | null]>;
  let [stdout, stderr] = ['', ''];
  child.stdout?.on('data', chunk => (stdout += String(chunk)));
  child.stderr?.on('data', chunk => (stderr += String(chunk)));
  const announced = waitFor(() => {
    expect(stdout).toMatch(/^(export TASKCLUSTER_\w+=\S+\n){4}#.*\n/);
  });
  const ended = closed.then(([exitCode]) => {
    throw new Error(`tcw dev has ended with ${exitCode ?? 'a signal'}: ${stderr}`);
  });
  await Promise.race([announced, ended]);
  const exported = Object.fromEntries(
    [...stdout.matchAll(/^export TASKCLUSTER_(\w+)=(\S+)$/gm)].map(([, name, value]) => [name, value]),
  ) as Record<'ROOT_URL' | 'CLIENT_ID' | 'ACCESS_TOKEN', string>;
  const rootUrl = exported.ROOT_URL;
  const taskQueueId = /^# .* task queue (\S+)$/m.exec(stdout)?.[1];
  const queue = new taskcluster.Queue({
    rootUrl,
    credentials: { clientId: exported.CLIENT_ID, accessToken: exported.ACCESS_TOKEN },
  }) as Queue;
  const artifact = async (taskId: string, name: string) => {
    const response = await fetch(`${rootUrl}/api/queue/v1/task/${taskId}/artifacts/${name}`);
    return response.text();
  };
  return {
    process: child,
    rootUrl,
    get stdout() {
      return stdout;
    },
    get stderr() {
      return stderr;
    },
    queue,
    create: async (payload, definition = {}) => {
      const taskId = taskcluster.slugid();
      await queue.createTask(taskId, {
        taskQueueId,
        created: new Date().toJSON(),
        deadline: taskcluster.fromNow('1 hour').toJSON(),
        metadata: {
          name: 'created',
          description: 'of a test',
          owner: 'a@example.com',
          source: 'https://example.com',
        },
        payload,
        ...definition,
      });
      return taskId;
    },
    resolved: async taskId => {
      const status = async () => (await queue.status(taskId)).status;
      await waitFor(async () => {
        expect((await status()).state).toMatch(/^(completed|failed|exception)$/);
      });
      const { state, runs } = await status();
      const reason = runs.at(-1)?.reasonResolved ?? '';
      return {
        resolution: state === reason ? state : `${state}/${reason}`,
        log: await artifact(taskId, 'public/logs/live.log'),
      };
    },
    artifacts: async taskId => (await queue.listLatestArtifacts(taskId)).artifacts,
    artifact,
    stop: async (signal = 'SIGINT') => {
      child.kill(signal);
      const [exitCode] = await closed;
      return exitCode;
    },
  };
}

/** The processes that have a word in their arguments. One that only waits to be reaped has none. */
export function processesWith(word: string): string[] {
  if (process.platform !== 'linux') {
    const list = execFileSync('ps', ['-A', '-o', 'args='], { encoding: 'utf8' });
    return list.split('\n').filter(line => line.includes(word));
  }
  return readdirSync('/proc')
    .filter(name => /^\d+$/.test(name))
    .map(pid => {
      try {
        return readFileSync(`/proc/${pid}/cmdline`, 'latin1').replaceAll('\0', ' ');
      } catch {
        return '';
      }
    })
    .filter(words => words.includes(word));
}

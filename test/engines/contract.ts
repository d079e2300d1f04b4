import { once } from 'node:events';
import { createServer, type AddressInfo, type Server, type Socket } from 'node:net';
import { access } from 'node:fs/promises';
import path from 'node:path';
import { Writable } from 'node:stream';
import { setTimeout as sleep } from 'node:timers/promises';
import { describe, expect, it, onTestFinished } from 'vitest';
import { connectionOf } from '../../src/worker/engines/connection.ts';
import { CommandNotStarted } from '../../src/worker/engines/engine.ts';
import { closeSource } from '../../src/worker/files/file-source.ts';
import { readWhole } from '../../src/worker/files/read-whole.ts';
import { Log } from './native-fixtures.ts';
import { LACKS, type Ability } from './contract-lacks.ts';
import type { Promised, Subject } from './subject.ts';
import { ENV, open } from './open-subject.ts';
import { TERMINAL_CONTRACT } from './terminal-contract.ts';
import { waitFor } from '../wait-for.ts';

export type { Subject, Words } from './subject.ts';

/** Whether an engine has an ability. */
function isAble({ engine, words }: Subject, ability: Ability): boolean {
  switch (ability) {
    case 'peers':
    case 'usage':
    case 'background':
    case 'terminals':
      return engine.capabilities.has(ability);
    case 'leftovers':
      return engine.endLeftovers !== undefined;
    case 'errors':
      return words.errors !== undefined;
  }
}

/** Longer than any test takes. */
const LONG_MS = 600_000;
/** A grace period that a test never waits for in full. */
const GRACE_MS = 60_000;

/** The contract of all engines. */
export const CONTRACT: readonly Promised[] = [
  ...TERMINAL_CONTRACT,
  {
    says: 'a command returns its exit code',
    check: async subject => {
      const { run } = await open(subject);
      for (const code of [0, 1, 42, 255]) {
        expect(await run(subject.words.exit(code))).toEqual({ exitCode: code, text: '' });
      }
    },
  },
  {
    says: 'the end of a command is reported no later than its result',
    check: async subject => {
      const { run } = await open(subject);
      const told: number[] = [];
      await run(subject.words.exit(3), { onEnded: exitCode => told.push(exitCode) });
      expect(told).toEqual([3]);
    },
  },
  {
    says: 'output arrives unchanged, and completely before the result',
    check: async subject => {
      const { run } = await open(subject);
      const texts = ['', 'one line\n', 'no end', 'a\0b', 'ümlaut\n\n', 'x'.repeat(100_000)];
      for (const text of texts.filter(text => !text.includes('\0'))) {
        expect(await run(subject.words.print(text))).toEqual({ exitCode: 0, text });
      }
    },
  },
  {
    says: 'a slow reader slows the command down, and no output is lost',
    check: async subject => {
      const { sandbox } = await open(subject);
      const bytes = 4 * 1024 * 1024;
      let [taken, most] = [0, 0];
      const output = new Writable({
        highWaterMark: 16 * 1024,
        write: (chunk: Buffer, _encoding, done) => {
          taken += chunk.length;
          most = Math.max(most, output.writableLength);
          setTimeout(done, 1);
        },
      });
      const { exitCode } = await sandbox.run({ argv: subject.words.flood(bytes), env: ENV, output });
      output.end();
      await once(output, 'finish');
      expect([exitCode, taken]).toEqual([0, bytes]);
      // At the end, the whole content of a pipe may be handed over at once.
      expect(most).toBeLessThan(2 * 1024 * 1024);
    },
  },
  {
    says: 'a command does not wait for an output that has failed',
    check: async subject => {
      const { sandbox } = await open(subject);
      const output = new Writable({
        write: (_chunk, _encoding, done) => {
          done(new Error('the disk is full'));
        },
      });
      output.on('error', () => undefined);
      const result = await sandbox.run({ argv: subject.words.flood(1024 * 1024), env: ENV, output });
      expect(result.exitCode).toBe(0);
    },
  },
  {
    says: "a command gets exactly its environment, and no variable of the worker's",
    check: async subject => {
      const { run } = await open(subject);
      const env = { ...ENV, EMPTY: '', ODD: `a 'b' "c" $d \\ \n e`, LANG: 'C', HOME: '/nowhere' };
      process.env.TCW_TEST_OF_THE_WORKER = 'secret';
      onTestFinished(() => void delete process.env.TCW_TEST_OF_THE_WORKER);
      const { text } = await run(subject.words.environment(), { env });
      // The variable that identifies the processes of a run without a namespace.
      const own = ['TCW_SANDBOX', ...(subject.ownVariables ?? [])];
      const seen = text.split('\0').filter(entry => entry !== '' && !own.includes(entry.replace(/=.*/s, '')));
      expect(seen.sort()).toEqual(
        Object.entries(env)
          .map(([name, value]) => `${name}=${value}`)
          .sort(),
      );
    },
  },
  {
    says: 'a command reads its standard input, which is empty unless given',
    check: async subject => {
      const { run } = await open(subject);
      const texts = ['', '{"a": "b\'c\\n"}', 'line\n', "$(exit 1) `x` ''\n\nEND", 'ü'.repeat(200_000)];
      for (const stdin of texts) {
        expect(await run(subject.words.stdin(), { stdin })).toEqual({ exitCode: 0, text: stdin });
      }
      expect(await run(subject.words.stdin())).toEqual({ exitCode: 0, text: '' });
      // The command need not read its input.
      expect(await run(subject.words.exit(7), { stdin: 'x'.repeat(1_000_000) })).toMatchObject({
        exitCode: 7,
      });
    },
  },
  {
    says: 'commands start in the folder of the run, and files they write stay there',
    check: async subject => {
      const { folder, run } = await open(subject);
      expect((await run(subject.words.folder())).text).toBe(folder);
      await run(subject.words.writeFile('made.txt', 'content'));
      await access(path.join(folder, 'made.txt'));
      expect(await run(subject.words.readFile('made.txt'))).toEqual({ exitCode: 0, text: 'content' });
    },
  },
  {
    says: 'files are found at the paths that the task sees, and no relative path leaves the folder',
    check: async subject => {
      const { sandbox, folder, run } = await open(subject);
      await run(subject.words.writeFile('b.txt', 'content'));
      await run(subject.words.writeFile('a/deep.txt', ''));
      const opened = await sandbox.files.open('b.txt');
      expect(opened).toMatchObject({ kind: 'file', size: 7 });
      if (opened.kind === 'file') {
        const { source, size } = opened;
        expect((await readWhole(source, size, new AbortController().signal)).toString()).toBe('content');
        await closeSource(source);
      }
      expect(await sandbox.files.open('a')).toMatchObject({ kind: 'directory' });
      expect(await sandbox.files.open('missing')).toMatchObject({ kind: 'missing' });
      expect(await sandbox.files.open('../..')).toMatchObject({ kind: 'outside' });
      const found: string[] = [];
      for await (const file of sandbox.files.walk('.')) found.push(path.relative(folder, file));
      expect(found).toEqual(['a/deep.txt', 'b.txt']);
    },
  },
  {
    says: 'a missing command is distinguished from a failed one',
    check: async subject => {
      const { run } = await open(subject);
      const missing = run(['no-such-program-anywhere']);
      await expect(missing).rejects.toThrow(CommandNotStarted);
      await expect(missing).rejects.toThrow(
        'exec: "no-such-program-anywhere": executable file not found in $PATH',
      );
      await expect(run([])).rejects.toThrow(CommandNotStarted);
      expect(await run(subject.words.exit(0))).toMatchObject({ exitCode: 0 });
    },
  },
  {
    says: 'a sandbox runs one command at a time',
    check: async subject => {
      const { sandbox, run } = await open(subject);
      const first = run(subject.words.sleep(LONG_MS));
      await expect(run(subject.words.exit(0))).rejects.toThrow('A command is running in the sandbox already');
      await sandbox.close();
      await first;
    },
  },
  {
    says: 'a stop sends SIGTERM, and ends as soon as the command does',
    check: async subject => {
      const { sandbox, run } = await open(subject);
      const sleeping = run(subject.words.sleep(LONG_MS));
      await sleep(200);
      await sandbox.stop(LONG_MS);
      expect(await sleeping).toMatchObject({ exitCode: 143 });
      await expect(run(subject.words.exit(0))).rejects.toThrow('The sandbox has been stopped');
    },
  },
  {
    says: 'a stop kills the command after the grace period, not earlier',
    check: async subject => {
      const { sandbox } = await open(subject);
      const output = new Log();
      const argv = subject.words.ignoreStop(LONG_MS);
      const running = sandbox.run({ argv, env: ENV, output });
      await waitFor(() => {
        expect(output.text).toContain('ready');
      });
      const start = performance.now();
      await sandbox.stop(500);
      expect(performance.now() - start).toBeGreaterThanOrEqual(499);
      expect(await running).toMatchObject({ exitCode: 137 });
    },
  },
  {
    says: 'closing a sandbox kills its command at once, and can be repeated',
    check: async subject => {
      const { sandbox } = await open(subject);
      const output = new Log();
      const running = sandbox.run({ argv: subject.words.ignoreStop(LONG_MS), env: ENV, output });
      await waitFor(() => {
        expect(output.text).toContain('ready');
      });
      await Promise.all([sandbox.close(), sandbox.close()]);
      expect(await running).toMatchObject({ exitCode: 137 });
      await sandbox.close();
      await sandbox.stop(GRACE_MS);
    },
  },
  {
    says: 'a sandbox can be stopped and closed before any command ran',
    check: async subject => {
      const { sandbox } = await open(subject);
      await sandbox.stop(GRACE_MS);
      await sandbox.close();
      const other = await open(subject);
      await other.sandbox.close();
    },
  },
  {
    says: 'background processes survive their command, and end with the sandbox',
    needs: 'background',
    check: async subject => {
      const { sandbox, folder, run } = await open(subject);
      await run(subject.words.later(50, 'soon'));
      await waitFor(() => access(path.join(folder, 'soon')));
      await run(subject.words.later(2_000, 'never'));
      await sandbox.close();
      await sleep(2_500);
      await expect(access(path.join(folder, 'never'))).rejects.toThrow('ENOENT');
    },
  },
  {
    says: 'standard error is separate from standard output',
    needs: 'errors',
    check: async subject => {
      const { run } = await open(subject);
      const { argv, shown } = subject.words.errors ?? { argv: [], shown: '' };
      const lines = (text: string) => text.split('\n').sort();
      expect(lines((await run(argv)).text)).toEqual(lines(shown));
    },
  },
  {
    says: 'a network connection is attributed to the run that opened it',
    needs: 'peers',
    check: async subject => {
      const [ours, other] = [await open(subject), await open(subject)];
      const answers: unknown[] = [];
      const { serverAddress: address = '127.0.0.1' } = subject;
      const server = await listening(address, async socket => {
        const connection = connectionOf(socket);
        if (connection) {
          answers.push(await ours.sandbox.isPeer?.(connection), await other.sandbox.isPeer?.(connection));
        }
        socket.end('HTTP/1.1 200 OK\r\ncontent-length: 0\r\nconnection: close\r\n\r\n');
      });
      const { port } = server.address() as AddressInfo;
      await ours.run(subject.words.connect(port));
      expect(answers).toEqual([true, false]);
      // The worker's own connection.
      await fetch(`http://${address}:${port}`);
      expect(answers).toEqual([true, false, false, false]);
    },
  },
  {
    says: 'CPU time and memory of a run are measured, ended processes included',
    needs: 'usage',
    check: async subject => {
      const { sandbox, run } = await open(subject);
      const before = await sandbox.usage?.();
      expect(before).toMatchObject({
        userMs: expect.any(Number) as number,
        kernelMs: expect.any(Number) as number,
      });
      const bytes = 64 * 1024 * 1024;
      const burning = run(subject.words.burn?.(500, bytes) ?? []);
      await waitFor(async () => {
        expect((await sandbox.usage?.())?.memoryBytes).toBeGreaterThan(bytes);
      });
      expect((await sandbox.usage?.())?.processes).toBeGreaterThan(0);
      await burning;
      const after = await sandbox.usage?.();
      expect((after?.userMs ?? 0) + (after?.kernelMs ?? 0)).toBeGreaterThanOrEqual(400);
      expect(after?.peakMemoryBytes).toBeGreaterThan(bytes);
      expect(after?.memoryBytes).toBeLessThan(bytes);
    },
  },
  {
    says: 'processes that outlive their worker are found and ended, and those of other runs are untouched',
    needs: 'leftovers',
    check: async subject => {
      const [left, other] = [await open(subject), await open(subject)];
      const output = new Log();
      const running = left.run(subject.words.ignoreStop(LONG_MS), { output }).catch(() => undefined);
      const otherRunning = other.run(subject.words.sleep(2_000));
      await waitFor(() => {
        expect(output.text).toContain('ready');
      });
      expect(left.traces).toHaveLength(1);
      expect(await subject.engine.endLeftovers?.([...left.traces, 'no trace'])).toBeGreaterThan(0);
      await running;
      expect(await otherRunning).toMatchObject({ exitCode: 0 });
    },
  },
];

async function listening(address: string, onConnection: (socket: Socket) => unknown): Promise<Server> {
  const server = createServer(socket => {
    socket.on('error', () => undefined);
    void onConnection(socket);
  });
  server.listen(0, address);
  await once(server, 'listening');
  onTestFinished(() => void server.close());
  return server;
}

/** Tests an engine against the contract. The engine must declare the abilities that it lacks. */
export function describeContract(subject: Subject): void {
  describe(`the contract of engines: ${subject.name}`, () => {
    const lacks: readonly Ability[] = LACKS[subject.kind];
    for (const { says, needs, check } of CONTRACT) {
      if (needs !== undefined && lacks.includes(needs)) {
        it(`says that it lacks "${needs}": ${says}`, () => {
          expect(isAble(subject, needs)).toBe(false);
        });
      } else {
        it(says, async () => {
          if (needs !== undefined) expect(isAble(subject, needs)).toBe(true);
          await check(subject);
        });
      }
    }
  });
}

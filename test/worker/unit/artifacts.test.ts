import { randomBytes } from 'node:crypto';
import { mkdir, mkdtemp, realpath, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import fc from 'fast-check';
import { describe, expect, it, onTestFinished } from 'vitest';
import { Secret } from '../../../src/pulse/index.ts';
import { connectQueue, ServiceError, type RunCalls } from '../../../src/taskcluster/index.ts';
import { TaskError } from '../../../src/worker/outcome.ts';
import { TASK_QUEUE_ID, WORKER } from '../../local/queue-under-test.ts';
import { silence, webServer } from '../../taskcluster/web-server.ts';
import { inHours, start } from './uploading-run.ts';
import { waitFor } from '../../wait-for.ts';

interface Finishing {
  finish(): Promise<void>;
}

const finish = (run: Finishing) => run.finish();

/** The error with which `finish` fails. */
async function failureOf(run: Finishing): Promise<unknown> {
  return finish(run).then(
    () => 'nothing failed',
    (error: unknown) => error,
  );
}

describe('an artifact', () => {
  it('is uploaded compressed, with its type, under its name', async () => {
    const { run, log, claim, download, leftovers } = await start(
      [{ path: 'out/report.txt', name: 'public/report.txt' }],
      { 'out/report.txt': 'all is well' },
    );
    await finish(run);
    const response = await download('public/report.txt');
    expect(response.headers.get('content-type')).toBe('text/plain; charset=utf-8');
    expect(response.headers.get('content-encoding')).toBe('gzip');
    expect(await response.text()).toBe('all is well');
    expect(await leftovers()).toEqual([]);
    expect(log.lines).toEqual([
      `info: Uploading artifact public/report.txt from file ${run.folder}/out/report.txt with content encoding ` +
        `"gzip", mime type "text/plain; charset=utf-8" and expiry ${claim.task.expires}`,
    ]);
  });

  it('is uploaded as it is if its format is already compressed', async () => {
    const image = randomBytes(1_000);
    const { run, download } = await start([{ path: 'a.png', name: 'public/a.png' }], { 'a.png': image });
    await finish(run);
    const response = await download('public/a.png');
    expect(response.headers.get('content-type')).toBe('image/png');
    expect(response.headers.get('content-encoding')).toBeNull();
    expect(Buffer.from(await response.arrayBuffer()).equals(image)).toBe(true);
  });

  it('has the type, encoding and expiry that the payload says', async () => {
    const expires = inHours(2);
    const request = {
      name: 'public/x',
      contentType: 'text/x-mine',
      contentEncoding: 'identity',
      expires,
    } as const;
    const { run, log, download } = await start([request], { x: 'mine' });
    await finish(run);
    const response = await download('public/x');
    expect(response.headers.get('content-type')).toBe('text/x-mine');
    expect(response.headers.get('content-encoding')).toBeNull();
    expect(log.lines[0]).toContain(`and expiry ${expires}`);
  });

  it.each([
    ['small', 'file', 10, 32],
    ['larger', 'file'.repeat(10_000), 1, 10],
  ])(
    'may be a directory of many %s files, of which a limited number is uploaded at a time',
    async (_, text, least, most) => {
      const files = Object.fromEntries(
        Array.from({ length: 80 }, (_unused, index) => [`out/${index}.txt`, `${text} ${index}`]),
      );
      const { run, runWith, listed, download, leftovers } = await start(
        [{ type: 'directory', path: 'out', name: 'public/out' }],
        files,
      );
      let [open, seen] = [0, 0];
      const counted: RunCalls = {
        ...run.calls,
        createArtifact: async (...args) => {
          seen = Math.max(seen, ++open);
          return run.calls.createArtifact(...args).finally(() => open--);
        },
      };
      await finish(runWith(counted));
      expect(await listed()).toHaveLength(80);
      expect(seen).toBeGreaterThan(least);
      expect(seen).toBeLessThanOrEqual(most);
      expect(await (await download('public/out/79.txt')).text()).toBe(`${text} 79`);
      expect(await leftovers()).toEqual([]);
    },
  );

  it('is uploaded to a new URL if the store rejects the first one as expired', async () => {
    const { run, runWith, log, download } = await start([{ path: 'x', name: 'public/x' }], { x: 'whole' });
    const asked: string[] = [];
    const late: RunCalls = {
      ...run.calls,
      createArtifact: async (...args) => {
        const answer = await run.calls.createArtifact(...args);
        asked.push(args[0]);
        if (answer.storageType !== 's3' || asked.length > 1) return answer;
        return { ...answer, putUrl: answer.putUrl.replace(/signature=[^&]*/, 'signature=expired') };
      },
    };
    await finish(runWith(late));
    expect(asked).toEqual(['public/x', 'public/x']);
    expect(await (await download('public/x')).text()).toBe('whole');
    expect(log.lines.join('\n')).not.toContain('signature');
  });

  it('fails if the queue refuses to sign another URL, because the run is over', async () => {
    const { run, runWith } = await start([{ path: 'x', name: 'public/x' }], { x: 'whole' });
    let asked = 0;
    const over: RunCalls = {
      ...run.calls,
      createArtifact: async (...args) => {
        if (++asked > 1) throw new ServiceError('conflict', 'createArtifact: the run is over', 409);
        const answer = await run.calls.createArtifact(...args);
        return {
          ...answer,
          putUrl: `${(answer as { putUrl: string }).putUrl.replace(/signature=[^&]*/, 'signature=expired')}`,
        };
      },
    };
    expect(await failureOf(runWith(over))).toMatchObject({ kind: 'conflict' });
    expect(asked).toBe(2);
  });

  it('may have an absolute path, and a slash at the end of a directory name has no effect', async () => {
    const elsewhere = await realpath(await mkdtemp(join(tmpdir(), 'tcw-elsewhere-')));
    onTestFinished(() => rm(elsewhere, { recursive: true, force: true }));
    await writeFile(join(elsewhere, 'a.txt'), 'a');
    await mkdir(join(elsewhere, 'below'));
    await writeFile(join(elsewhere, 'below/b.txt'), 'b');
    const { run, listed, download } = await start([
      { type: 'directory', path: `${elsewhere}/`, name: 'public/out/' },
      { path: join(elsewhere, 'a.txt'), name: 'public/one.txt' },
    ]);
    await finish(run);
    expect(await listed()).toEqual(['s3 public/one.txt', 's3 public/out/a.txt', 's3 public/out/below/b.txt']);
    expect(await (await download('public/out/below/b.txt')).text()).toBe('b');
  });

  it('is refused before the first command if it has an absolute path and no name', async () => {
    const { problems } = await start([{ path: '/etc/hostname' }]);
    expect(await problems()).toEqual([
      'artifact "/etc/hostname": its name contains an empty part (a leading or double slash)',
    ]);
  });

  it.each([
    ['by its name', { name: 'public/logs/live.log' }],
    ['by its path', { path: 'public/logs/live_backing.log' }],
  ])('may not replace the log: %s', async (_, request) => {
    const { run, log, listed } = await start([request, { path: 'x', name: 'public/x' }], { x: 'x' });
    await finish(run);
    expect(await listed()).toEqual(['s3 public/x']);
    expect(log.lines[0]).toMatch(/^warn: Not uploading artifact public\/logs\/live/);
  });

  it('may not replace the log if it is found in a directory, which is only a warning', async () => {
    const { run, log, listed } = await start([{ type: 'directory', path: 'public' }], {
      'public/logs/live.log': 'mine',
      'public/logs/mine.log': 'mine',
    });
    await finish(run);
    expect(await listed()).toEqual(['s3 public/logs/mine.log']);
    expect(log.lines[0]).toMatch(/^warn: Not uploading artifact public\/logs\/live.log/);
  });

  it('may have the name of a log that the payload switches off', async () => {
    const { run, runWith, listed } = await start([{ name: 'public/logs/live.log' }], { x: 'mine' });
    const logs = { backing: 'public/logs/live_backing.log', live: undefined };
    await finish(runWith(run.calls, { ...run.task, logs }));
    expect(await listed()).toEqual(['s3 public/logs/live.log']);
  });

  it('is not uploaded if the payload lists none', async () => {
    const { run, listed } = await start([]);
    await finish(run);
    expect(await listed()).toEqual([]);
  });
});

describe('an artifact that is missing', () => {
  it('becomes an error artifact and fails the task after all others were uploaded', async () => {
    const { run, log, claim, listed } = await start(
      [
        { path: 'no.txt', name: 'public/no.txt' },
        { path: 'yes.txt', name: 'public/yes.txt' },
      ],
      { 'yes.txt': 'yes' },
    );
    const file = `${run.folder}/no.txt`;
    const message = `TASK FAILURE during artifact upload: file-missing-on-worker: Could not read file '${file}'`;
    const failure = await failureOf(run);
    expect(failure).toBeInstanceOf(TaskError);
    expect(failure).toMatchObject({ kind: 'task-failed', message });
    expect(await listed()).toEqual(['error public/no.txt', 's3 public/yes.txt']);
    expect(log.lines.filter(line => line.startsWith('error: '))).toEqual([
      `error: Uploading error artifact public/no.txt from file ${file} with message "Could not read file '${file}'", ` +
        `reason "file-missing-on-worker", and expiry ${claim.task.expires}`,
      `error: ${message}`,
    ]);
  });

  it('has no effect if it is optional', async () => {
    const { run, listed } = await start([{ name: 'public/x', optional: true }]);
    await finish(run);
    expect(await listed()).toEqual(['error public/x']);
  });
});

describe('the upload of an artifact', () => {
  it('does not prevent the others if it fails, and all end before the run goes on', async () => {
    const { run, listed, download } = await start(
      [
        { path: 'small.txt', name: 'public/taken' },
        { path: 'large', name: 'public/large', contentEncoding: 'identity' },
        { path: 'small.txt', name: 'public/small.txt' },
      ],
      { 'small.txt': 'small', large: randomBytes(8_000_000) },
    );
    // Another artifact has the name, so the queue answers 409.
    const expires = inHours(2);
    await run.calls.createArtifact('public/taken', {
      storageType: 'link',
      artifact: 'public/large',
      contentType: 'text/plain',
      expires,
    });
    expect(await failureOf(run)).toMatchObject({ name: 'ServiceError', kind: 'conflict' });
    expect(await listed()).toEqual(['link public/taken', 's3 public/large', 's3 public/small.txt']);
    expect((await (await download('public/large')).arrayBuffer()).byteLength).toBe(8_000_000);
  });

  it('is refused, with a line in the log, under a name that the queue does not accept', async () => {
    const { run, log, listed } = await start([{ type: 'directory', path: 'out', name: 'public' }], {
      'out/ä.txt': 'x',
      'out/good.txt': 'x',
    });
    const failure = await failureOf(run);
    expect(failure).toMatchObject({
      kind: 'malformed-payload',
      message: 'artifact "public/ä.txt": its name contains characters other than printable ASCII',
    });
    expect(log.lines).toContain(`error: ${(failure as Error).message}`);
    expect(await listed()).toEqual(['s3 public/good.txt']);
  });

  it('works under a name with a %, with a warning that not every download method does', async () => {
    const { run, log, listed, download } = await start(
      [
        { path: 'x', name: 'public/100%' },
        { type: 'directory', path: 'out', name: 'public' },
      ],
      { x: 'x', 'out/a%20b': 'y' },
    );
    await finish(run);
    expect(await listed()).toEqual(['s3 public/100%', 's3 public/a%20b']);
    expect(await (await download('public/a%20b')).text()).toBe('y');
    for (const name of ['public/100%', 'public/a%20b']) {
      expect(
        log.lines.filter(line => line.startsWith(`warn: artifact ${JSON.stringify(name)}: `)),
      ).toHaveLength(1);
    }
  });

  it('works under any name of printable ASCII', async () => {
    // A slash separates parts of a name, and `.` and `..` are not valid parts.
    const part = fc
      .string({
        unit: fc.integer({ min: 0x20, max: 0x7e }).map(code => String.fromCharCode(code)),
        minLength: 1,
        maxLength: 12,
      })
      .filter(text => !text.includes('/') && text !== '.' && text !== '..');
    const all = Array.from({ length: 0x7f - 0x20 }, (_, at) => String.fromCharCode(0x20 + at)).filter(
      char => char !== '/',
    );
    const random = fc.sample(fc.array(part, { minLength: 1, maxLength: 3 }), { numRuns: 60, seed: 7 });
    const names = [
      ...new Set([...all.map(char => `public/<${char}>${char}`), ...random.map(parts => parts.join('/'))]),
    ];
    const { run, listed, download } = await start(
      names.map((name, at) => ({ path: `f${at}`, name })),
      Object.fromEntries(names.map((name, at) => [`f${at}`, `content of ${name}`])),
    );
    await finish(run);
    expect(await listed()).toEqual(names.map(name => `s3 ${name}`).sort());
    for (const name of names.filter(each => each.startsWith('public/'))) {
      expect(await (await download(name)).text()).toBe(`content of ${name}`);
    }
  });

  // macOS does not allow such names.
  it.runIf(process.platform === 'linux')(
    'is not attempted, not even as an error artifact, under a name that is not text',
    async () => {
      const { run, listed } = await start([{ type: 'directory', path: 'out', name: 'public' }]);
      await mkdir(join(run.folder, 'out'));
      // A name whose bytes are not valid text. The worker cannot open a file that it cannot name.
      await writeFile(Buffer.concat([Buffer.from(`${run.folder}/out/`), Buffer.from([0xff])]), 'x');
      expect(await failureOf(run)).toMatchObject({ kind: 'malformed-payload' });
      expect(await listed()).toEqual([]);
    },
  );

  it('does not start after the run was stopped', async () => {
    const { run, listed, stop } = await start([{}], { x: 'x' });
    stop();
    expect(await failureOf(run)).toMatchObject({ message: 'task canceled' });
    expect(await listed()).toEqual([]);
  });
});

describe('a run that is stopped while it uploads', () => {
  it('does not wait for a queue that does not answer', async () => {
    const { run, runWith, stop } = await start([{}], { x: 'x' });
    const { rootUrl, requests } = await webServer(silence);
    const queue = connectQueue({
      rootUrl,
      credentials: { clientId: 'x', accessToken: new Secret('x') },
      taskQueueId: TASK_QUEUE_ID,
      ...WORKER,
    });
    const failing = failureOf(runWith(queue.forRun(run.claim)));
    await waitFor(() => {
      expect(requests).toHaveLength(1);
    });
    stop();
    expect(await failing).toMatchObject({ message: 'task canceled' });
  });
});

import { spawn } from 'node:child_process';
import { createHash, randomBytes } from 'node:crypto';
import { once } from 'node:events';
import {
  appendFile,
  chmod,
  mkdir,
  mkdtemp,
  open,
  readdir,
  readFile,
  rm,
  stat,
  symlink,
  unlink,
  utimes,
  writeFile,
} from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { text } from 'node:stream/consumers';
import { fileURLToPath } from 'node:url';
import { describe, expect, it, onTestFinished } from 'vitest';
import { Secret } from '../../../src/base/index.ts';
import {
  openDownloads,
  urlRequest,
  type Download,
  type Downloads,
  type DownloadsOptions,
} from '../../../src/worker/stores/downloads/index.ts';
import { waitFor } from '../../wait-for.ts';
import { asOrdinaryUser } from '../ordinary-user.ts';
import { answering, contentServer, serving, silent } from './content-server.ts';

const sha256 = (content: Buffer | string) => createHash('sha256').update(content).digest('hex');
const secret = new Secret('known to the worker');
const limits = { backoff: { baseMs: 0, capMs: 0 }, tries: 2 };

async function newFolder(): Promise<string> {
  const folder = await mkdtemp(join(tmpdir(), 'tcw-downloads-'));
  onTestFinished(() => rm(folder, { recursive: true, force: true }));
  return folder;
}

async function store(folder?: string, options: Partial<DownloadsOptions> = {}) {
  const dir = folder ?? (await newFolder());
  const downloads = await openDownloads(dir, { secret, limits, reserveBytes: 0, ...options });
  onTestFinished(() => downloads[Symbol.asyncDispose]());
  return { dir, downloads };
}

function run() {
  const lines: string[] = [];
  const say = (line: string) => void lines.push(line);
  const controller = new AbortController();
  return { lines, controller, signal: controller.signal, log: { info: say, warn: say, error: say } };
}

const contentOf = async (download: Download) => {
  const content = await text(download.handle.createReadStream({ autoClose: false, start: 0 }));
  await download[Symbol.asyncDispose]();
  return content;
};
const filesIn = async (folder: string) => (await readdir(folder)).filter(name => name.endsWith('.download'));
const get = async (downloads: Downloads, url: string, required?: string) => {
  const { lines, ...rest } = run();
  const download = await downloads.get(urlRequest({ url, sha256: required }), rest);
  return { content: await contentOf(download), lines, file: download.file };
};

describe('a download', () => {
  it('is transferred once and reused', async () => {
    const { url, requests } = await contentServer(serving('content'));
    const { downloads, dir } = await store();
    const sum = sha256('content');
    const first = await get(downloads, url, sum);
    expect(first.content).toBe('content');
    expect(first.lines).toEqual([
      `Downloading url ${url} to ${first.file}`,
      `Downloaded 7 bytes with SHA256 ${sum} from url ${url} to ${first.file}`,
      `Content from url ${url} (${first.file}) matches required SHA256 ${sum}`,
    ]);
    expect((await get(downloads, url, sum)).lines).toEqual([
      `Found existing download for urlcontent:${url} (${first.file}) with correct SHA256 ${sum}`,
    ]);
    expect((await get(downloads, url)).lines).toEqual([
      `No SHA256 specified in task mounts for urlcontent:${url} - SHA256 from downloaded file ${first.file} is ${sum}.`,
    ]);
    expect(requests).toHaveLength(1);
    expect((await stat(first.file)).mode & 0o777).toBe(0o600);
    expect(await filesIn(dir)).toHaveLength(1);
  });

  it('without a required SHA-256 causes a warning', async () => {
    const { url } = await contentServer(serving('content'));
    const { downloads } = await store();
    const { lines, file } = await get(downloads, url);
    expect(lines.at(-1)).toBe(
      `Download ${file} of url ${url} has SHA256 ${sha256('content')} but task payload does not declare a required value, so content authenticity cannot be verified`,
    );
  });

  it('with a different SHA-256 than required fails, and is not kept', async () => {
    const { url, requests } = await contentServer(serving('content'));
    const { downloads, dir } = await store();
    const wrong = sha256('other');
    const { lines, ...rest } = run();
    await expect(downloads.get(urlRequest({ url, sha256: wrong }), rest)).rejects.toMatchObject({
      kind: 'task-failed',
      message: expect.stringMatching(
        /^Download .* of url .* has SHA256 [0-9a-f]{64} but task definition explicitly requires [0-9a-f]{64}; not retrying download as there were no connection failures and HTTP response status code was 200$/,
      ),
    });
    expect(lines.slice(-2)).toEqual([
      `Removing cache urlcontent:${url} from cache table`,
      expect.stringMatching(/^Deleting cache urlcontent:.* file\(s\) at /),
    ]);
    expect(await filesIn(dir)).toEqual([]);
    expect(requests).toHaveLength(1);
  });

  it('that is stored with a different SHA-256 is repeated', async () => {
    const { url, requests } = await contentServer(serving('old'), serving('new'));
    const { downloads, dir } = await store();
    await get(downloads, url);
    const { content, lines } = await get(downloads, url, sha256('new'));
    expect(content).toBe('new');
    expect(lines[0]).toMatch(/^Found existing download of urlcontent:.* so deleting it$/);
    expect(lines[1]).toBe(`Removing cache urlcontent:${url} from cache table`);
    expect(requests).toHaveLength(2);
    expect(await filesIn(dir)).toHaveLength(1);
  });

  it('that is impossible fails the task, and leaves nothing', async () => {
    const { url, host } = await contentServer(answering(404));
    const { downloads, dir } = await store();
    const { lines, ...rest } = run();
    await expect(downloads.get(urlRequest({ url }), rest)).rejects.toMatchObject({ kind: 'task-failed' });
    expect(lines.at(-1)).toMatch(
      new RegExp(`^Could not fetch from url .* into file .* due to ${host} answered 404$`),
    );
    expect(await filesIn(dir)).toEqual([]);
  });

  it('that does not fit on the disk leaves nothing', async () => {
    const { url } = await contentServer(serving('x'.repeat(1_000)));
    const { downloads, dir } = await store(undefined, { freeBytes: () => Promise.resolve(10) });
    await expect(downloads.get(urlRequest({ url }), run())).rejects.toMatchObject({
      kind: 'resource-unavailable',
    });
    expect(await filesIn(dir)).toEqual([]);
  });
});

describe('several runs that need the same content', () => {
  it('share one transfer', async () => {
    const { url, requests } = await contentServer(response => setTimeout(() => response.end('content'), 100));
    const { downloads, dir } = await store();
    const all = await Promise.all(Array.from({ length: 5 }, () => get(downloads, url)));
    expect(all.map(({ content }) => content)).toEqual(Array(5).fill('content'));
    expect(requests).toHaveLength(1);
    expect(await filesIn(dir)).toHaveLength(1);
  });

  it('keep it when one of them is stopped', async () => {
    let finish: (() => void) | undefined;
    const { url, requests } = await contentServer(response => {
      response.write('con');
      finish = () => response.end('tent');
    });
    const { downloads } = await store();
    const first = run();
    const stopped = downloads.get(urlRequest({ url }), first);
    const other = get(downloads, url);
    await waitFor(() => {
      expect(finish).toBeDefined();
    });
    first.controller.abort(new Error('task canceled'));
    await expect(stopped).rejects.toThrow('task canceled');
    finish?.();
    expect((await other).content).toBe('content');
    expect(requests).toHaveLength(1);
  });

  it('abort it when all of them are stopped, and leave nothing for the next one', async () => {
    let closed = 0;
    const { url, requests } = await contentServer((response, request) => {
      response.on('close', () => closed++);
      silent(response, request);
    }, serving('content'));
    const { downloads, dir } = await store();
    const both = [run(), run()];
    const gets = both.map(each =>
      downloads.get(urlRequest({ url }), each).catch((error: Error) => error.message),
    );
    await waitFor(() => {
      expect(requests).toHaveLength(1);
    });
    for (const { controller } of both) controller.abort(new Error('task canceled'));
    expect(await Promise.all(gets)).toEqual(['task canceled', 'task canceled']);
    expect((await get(downloads, url)).content).toBe('content');
    await waitFor(async () => {
      expect(closed).toBeGreaterThan(0);
      expect(await filesIn(dir)).toHaveLength(1);
    });
  });

  it('must each be allowed to read it, even if it is already stored', async () => {
    const { url, requests } = await contentServer(serving('private'));
    const { downloads } = await store();
    const request = {
      key: 'artifact:T:private/x',
      description: 'task T artifact private/x',
      isAsked: true,
    };
    const allowed = { ...request, locate: () => Promise.resolve({ url }) };
    await contentOf(await downloads.get(allowed, run()));
    const refused = { ...request, locate: () => Promise.reject(new Error('not with these scopes')) };
    await expect(downloads.get(refused, run())).rejects.toThrow('not with these scopes');
    await contentOf(await downloads.get(allowed, run()));
    expect(requests).toHaveLength(1);
  });

  it('with different required hashes do not get each other’s content', async () => {
    const { url } = await contentServer(response => setTimeout(() => response.end('content'), 100));
    const { downloads } = await store();
    const right = get(downloads, url, sha256('content'));
    const wrong = downloads.get(urlRequest({ url, sha256: sha256('other') }), run());
    await expect(wrong).rejects.toMatchObject({ kind: 'task-failed' });
    expect((await right).content).toBe('content');
  });
});

describe('a stored file', () => {
  it.each([
    ['is missing', (file: string) => unlink(file)],
    ['is longer', (file: string) => appendFile(file, 'more')],
    [
      'has other content and its old times',
      async (file: string) => {
        const { atime, mtime } = await stat(file);
        await writeFile(file, 'CONTENT');
        await utimes(file, atime, mtime);
      },
    ],
    [
      'is another file',
      async (file: string) => {
        await unlink(file);
        await writeFile(file, 'content');
      },
    ],
    [
      'is a link',
      async (file: string) => {
        await writeFile(`${file}-elsewhere`, 'secret of the worker');
        await unlink(file);
        await symlink(`${file}-elsewhere`, file);
      },
    ],
    [
      'is a directory',
      async (file: string) => {
        await unlink(file);
        await mkdir(file);
      },
    ],
    ['cannot be read', (file: string) => chmod(file, 0)],
  ])('that %s is downloaded again', async (_, change) => {
    const { url, requests } = await contentServer(serving('content'));
    const { downloads } = await store();
    const { file } = await get(downloads, url);
    await change(file);
    const { content, lines } = await get(downloads, url);
    expect(content).toBe('content');
    expect(lines[0]).toMatch(/is missing or was changed, and is removed$/);
    expect(requests).toHaveLength(2);
  });

  it.each([
    ['with a required SHA-256', sha256('content')],
    ['without one', undefined],
  ])('that was changed during the download is downloaded again, %s', async (_, required) => {
    const first = Promise.withResolvers<() => void>();
    const { url, requests } = await contentServer(response => {
      response.writeHead(200, { 'content-length': 7 });
      response.write('con');
      first.resolve(() => response.end('tent'));
    }, serving('content'));
    const { downloads, dir } = await store();
    const getting = get(downloads, url, required);
    const finish = await first.promise;
    const file = await waitFor(async () => {
      const [name = ''] = await filesIn(dir);
      expect(await readFile(join(dir, name), 'utf8')).toBe('con');
      return join(dir, name);
    });
    await using written = await open(file, 'r+');
    await written.write('EVI', 0);
    finish();
    expect((await getting).content).toBe('content');
    expect((await get(downloads, url, required)).content).toBe('content');
    expect(requests).toHaveLength(2);
  });

  it('that is changed while it is used makes the task fail', async () => {
    const { url } = await contentServer(serving('content'));
    const { downloads } = await store();
    await using download = await downloads.get(urlRequest({ url }), run());
    await download.verify();
    await appendFile(download.file, 'more');
    await expect(download.verify()).rejects.toMatchObject({ kind: 'task-failed' });
  });
});

describe('an entry that is not in use', () => {
  it('can be removed, but one in use cannot', async () => {
    const { url, requests } = await contentServer(serving('content'));
    const { downloads, dir } = await store();
    const download = await downloads.get(urlRequest({ url }), run());
    expect(downloads.unused()).toEqual([]);
    await download[Symbol.asyncDispose]();
    await download[Symbol.asyncDispose]();
    const [unused] = downloads.unused();
    expect(unused).toMatchObject({ bytes: 7, description: `download urlcontent:${url}` });
    const used = await downloads.get(urlRequest({ url }), run());
    expect(await unused?.remove()).toBe(false);
    expect(await contentOf(used)).toBe('content');
    expect(await unused?.remove()).toBe(true);
    expect(await filesIn(dir)).toEqual([]);
    expect((await get(downloads, url)).content).toBe('content');
    expect(requests).toHaveLength(2);
  });
});

describe('the next worker on the same folder', () => {
  const kept = async (options: Partial<DownloadsOptions> = {}) => {
    const server = await contentServer(serving('content'));
    const { downloads, dir } = await store(undefined, options);
    const { file } = await get(downloads, server.url);
    await downloads[Symbol.asyncDispose]();
    return { ...server, dir, file };
  };

  it('uses what the previous one left', async () => {
    const { url, dir, requests } = await kept();
    const { downloads } = await store(dir);
    expect((await get(downloads, url)).content).toBe('content');
    expect((await get(downloads, url, sha256('content'))).content).toBe('content');
    expect(requests).toHaveLength(1);
  });

  it('uses what the previous one left, even if that was not closed', async () => {
    const { url, requests } = await contentServer(serving('content'));
    const { downloads, dir } = await store();
    await get(downloads, url);
    // As after a sudden death: the `.alive` file is gone, and the list is as it was last written.
    const names = await readdir(dir);
    for (const name of names.filter(each => each.includes('alive'))) await rm(join(dir, name));
    const { downloads: next } = await store(dir);
    expect((await get(next, url)).content).toBe('content');
    expect(requests).toHaveLength(1);
  });

  it('uses what was complete when the previous one was killed, and removes what was not', async () => {
    const complete = await contentServer(serving('content'));
    const partial = await contentServer(response => void response.writeHead(200).write('part of it'));
    const dir = await newFolder();
    const program = fileURLToPath(new URL('downloads-process.ts', import.meta.url));
    const killed = spawn(process.execPath, [program, dir, complete.url, partial.url], { stdio: 'inherit' });
    const over = once(killed, 'exit');
    await waitFor(async () => {
      expect(await filesIn(dir)).toHaveLength(2);
      expect(partial.requests).toHaveLength(1);
    });
    killed.kill('SIGKILL');
    expect(await over).toEqual([null, 'SIGKILL']);
    const { downloads } = await store(dir);
    expect(await filesIn(dir)).toHaveLength(1);
    expect((await get(downloads, complete.url)).content).toBe('content');
    expect(complete.requests).toHaveLength(1);
  });

  it('removes files that are in no index, and no others', async () => {
    const { dir } = await kept();
    const orphan = `${randomBytes(16).toString('hex')}.download`;
    const half = `downloads.json.${randomBytes(8).toString('hex')}`;
    for (const name of [orphan, half, 'somebody-elses.txt']) await writeFile(join(dir, name), 'x');
    await store(dir);
    const names = await readdir(dir);
    expect(names).toContain('somebody-elses.txt');
    expect(names).not.toContain(orphan);
    expect(names).not.toContain(half);
    expect(await filesIn(dir)).toHaveLength(1);
  });

  it('starts, whatever a task has put there', async () => {
    const dir = await newFolder();
    const orphan = join(dir, `${randomBytes(16).toString('hex')}.download`);
    const sign = join(dir, 'tcw-alive');
    const names = await asOrdinaryUser(dir, async () => {
      for (const top of [orphan, sign]) {
        await mkdir(join(top, 'inner', 'more'), { recursive: true });
        await chmod(join(top, 'inner'), 0o500);
      }
      await using _downloads = await openDownloads(dir, { secret, reserveBytes: 0 });
      return await readdir(dir);
    });
    expect(names).toEqual(['tcw-alive']);
  });

  it('can use the folder after a failure to open it', async () => {
    const { dir, url, requests } = await kept();
    const failing = new Secret('x');
    failing.reveal = () => {
      throw new Error('no secret');
    };
    await expect(openDownloads(dir, { secret: failing })).rejects.toThrow('no secret');
    const { downloads } = await store(dir);
    expect(downloads.folder).toBe(dir);
    expect((await get(downloads, url)).content).toBe('content');
    expect(requests).toHaveLength(1);
  });

  it('reports what it cannot remove, and starts', async () => {
    const dir = await newFolder();
    const orphan = join(dir, `${randomBytes(16).toString('hex')}.download`);
    const problems: string[] = [];
    const stranger = join(orphan, 'of another user');
    await mkdir(join(stranger, 'more'), { recursive: true });
    await chmod(stranger, 0o500);
    await asOrdinaryUser(dir, async () => {
      await using _downloads = await openDownloads(dir, {
        secret,
        reserveBytes: 0,
        onProblem: problem => problems.push(problem),
      });
    });
    // Without root, no file here belongs to another user, so everything can be removed.
    if (process.getuid?.() !== 0) return;
    expect(problems).toEqual([expect.stringMatching(/^a download cannot be removed: E/)]);
  });

  it.each([
    ['whose content was changed', (file: string) => writeFile(file, 'CONTENT')],
    ['that was removed', (file: string) => unlink(file)],
  ])('downloads again a file %s', async (_, change) => {
    const { url, dir, file, requests } = await kept();
    await change(file);
    const { downloads } = await store(dir);
    expect((await get(downloads, url)).content).toBe('content');
    expect(requests).toHaveLength(2);
  });

  it('trusts no index that a task has written', async () => {
    const { url, dir, file, requests } = await kept();
    await writeFile(file, 'evil');
    const list = await readFile(join(dir, 'downloads.json'), 'utf8');
    await writeFile(join(dir, 'downloads.json'), list.replaceAll(sha256('content'), sha256('evil')));
    const { downloads } = await store(dir);
    // A task that requires exactly this content gets it. This does not make the content valid for others.
    expect((await get(downloads, url, sha256('evil'))).content).toBe('evil');
    expect((await get(downloads, url)).content).toBe('content');
    expect(requests).toHaveLength(2);
  });

  it('with another secret uses only content with a required SHA-256', async () => {
    const { url, dir, requests } = await kept({ secret: new Secret('of another worker') });
    const { downloads } = await store(dir);
    expect((await get(downloads, url, sha256('content'))).content).toBe('content');
    expect(requests).toHaveLength(1);
    expect((await get(downloads, url)).content).toBe('content');
    expect(requests).toHaveLength(2);
  });

  it.each([
    '',
    'nonsense',
    '{}',
    `${'0'.repeat(64)}\n[{"key":1}]`,
    `x\n[null,[],{"key":"a","name":"../../etc/passwd"}]`,
  ])('starts with an empty index if it is %j', async list => {
    const { url, dir, requests } = await kept();
    await writeFile(join(dir, 'downloads.json'), list);
    const { downloads } = await store(dir);
    expect(downloads.unused()).toEqual([]);
    expect((await get(downloads, url)).content).toBe('content');
    expect(requests).toHaveLength(2);
  });

  it('uses a separate folder while the first one is alive', async () => {
    const { url, requests } = await contentServer(serving('content'));
    const { downloads, dir } = await store();
    await get(downloads, url);
    const { downloads: other } = await store(dir);
    expect((await get(other, url)).content).toBe('content');
    expect((await get(downloads, url)).content).toBe('content');
    expect(requests).toHaveLength(2);
  });
});

import { rm } from 'node:fs/promises';
import { createServer } from 'node:http';
import { expect, it, onTestFinished } from 'vitest';
import { startHttpProxy } from '../harness/http-proxy.ts';
import { listening } from '../harness/listening.ts';
import { TEST_MS } from '../patience.ts';
import { tcw } from './tcw.ts';
import { queueForWorkers } from './workers.ts';

const PASSWORD = 'p@ssword-of-the-proxy';

it(
  'a worker downloads through a proxy, calls services of its own machine directly, and keeps the password',
  { timeout: TEST_MS },
  async () => {
    await using proxy = await startHttpProxy('corp', PASSWORD);
    const queue = await queueForWorkers({}, { environment: { HTTP_PROXY: proxy.url } });
    onTestFinished(queue.close);
    const downloads = await listening(createServer((_, response) => void response.end('downloaded')));
    // No resolver knows this host.
    const url = `http://${downloads.replace('127.0.0.1', 'inside.test')}/x`;
    const spellings = [PASSWORD, encodeURIComponent(PASSWORD)];
    const script = `cat x; env; echo "known: ${spellings.join(' ')}"`;
    const taskId = await queue.create(script, {}, { mounts: [{ file: 'x', content: { url } }] });
    const folders = ['downloads', 'caches'].map(name => `--${name}-dir=${queue.tasksDir}-${name}`);
    onTestFinished(async () => {
      for (const name of ['downloads', 'caches'])
        await rm(`${queue.tasksDir}-${name}`, { recursive: true, force: true });
    });
    const { exited, lines } = queue.start(...folders, '--number-of-tasks-to-run=1');
    expect(await exited).toBe(0);
    const log = await queue.artifact(taskId, 'public/logs/live_backing.log');
    expect(log).toContain('downloaded');
    expect(log).toContain('known: [redacted] [redacted]');
    expect(log).not.toContain('HTTP_PROXY');
    expect(proxy.seen).toEqual([`GET ${url}`]);
    for (const spelling of spellings) expect(JSON.stringify(lines())).not.toContain(spelling);
  },
);

it.each(['HTTPS_PROXY', 'http_proxy'])(
  '%s that is no URL of an HTTP proxy is reported at the start',
  async name => {
    const { exitCode, stderr } = await tcw(
      ['run', '--root-url=http://127.0.0.1:1', '--client-id=c', '--worker-type=w'],
      {
        environment: { [name]: `socks5://corp:${PASSWORD}@proxy.test`, TCW_ACCESS_TOKEN: 'token' },
      },
    );
    expect(exitCode).toBe(73);
    expect(stderr).toContain(`variable ${name} is not the http or https URL of a proxy`);
    expect(stderr).not.toContain(PASSWORD);
  },
);

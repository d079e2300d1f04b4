import { describe, expect, it } from 'vitest';
import { tcw } from './tcw.ts';

const URLS = [
  'https://SECRET@example.com/x',
  'https://example.com/x?access_token=SECRET',
  'amqps://worker:SECRET@example.com',
];
const TASK = 'A1cdEfghSTe_CDEFGHIJKg';

/** Commands that show a wrong value, with a URL in the place of that value. */
const commands: [words: readonly string[]][] = [
  [['URL']],
  [['run', '--config', 'URL']],
  [['run', '--engine', 'URL']],
  [['run', '--root-url', 'URL']],
  [['dev', 'URL']],
  [['task', 'submit', 'URL', '--root-url', 'http://127.0.0.1:1']],
  [['task', 'submit', 'x.yml', '--root-url', 'http://127.0.0.1:1', '--task-queue', 'URL']],
  [['task', 'status', 'URL']],
  [['task', 'log', TASK, '--run', 'URL']],
  [['task', 'artifacts', TASK, '--root-url', 'URL']],
  [['pulse', 'listen', 'URL']],
  [['pulse', 'listen', '--dialect', 'URL']],
  [['pulse', 'exchanges', 'URL']],
  [['pulse', 'publish', 'exchange/me/x', 'key', 'URL']],
  [['pulse', 'publish', 'exchange/me/x', 'key', '--header', 'URL']],
  [['install', 'service', '--config', 'URL', '--print']],
  [['encrypt-env', 'X', '--public-key', 'URL', '--task-id', TASK]],
  [['encrypt-env', 'X', '--public-key', 'x.asc', '--task-id', 'URL']],
  [['shell', 'URL']],
  [['show-payload-schema', '--format', 'URL']],
];

describe('a message that shows a wrong value hides the secrets of a URL in it', () => {
  it.each(commands)('%j', async words => {
    await Promise.all(
      URLS.map(async url => {
        const given = words.map(word => (word === 'URL' ? url : word));
        const { exitCode, stderr } = await tcw(given, { environment: { X: 'x' } });
        expect(exitCode).toBeGreaterThan(0);
        expect(stderr).toMatch(/^tcw: /);
        expect(stderr).not.toContain('SECRET');
      }),
    );
  });
});

it('an example in a message keeps its password', async () => {
  const { stderr } = await tcw(['pulse', 'listen', 'queue.taskPending', '-s', 'nonsense']);
  expect(stderr).toContain('amqps://user:password@host');
});

import { readdirSync, readFileSync } from 'node:fs';
import { PassThrough } from 'node:stream';
import { setImmediate } from 'node:timers/promises';
import { expect, it } from 'vitest';
import { connectRunner, runnerHost } from '../../../src/pool/index.ts';
import { workerConfig } from '../../worker/unit/worker-config.ts';

const FOLDER = new URL('conversations/', import.meta.url);

/**
 * Conversations with start-worker, line by line, as tools/workerproto writes them: `<` is said by the runner, `>` by the worker, `=` is
 * what the worker makes of it, and `!` happens to the worker.
 */
it.each(readdirSync(FOLDER))('has the same conversation as in %s', async file => {
  const lines = readFileSync(new URL(file, FOLDER), 'utf8').split('\n');
  const input = new PassThrough();
  const output = new PassThrough();
  let said = '';
  output.on('data', (chunk: Buffer) => (said += chunk.toString()));
  const seen: string[] = [];
  const runner = connectRunner({ input, output });
  runner.logEntry$.subscribe(({ level, message }) => {
    // The one remark that every conversation brings.
    if (level !== 'info') seen.push(`remark ${level} ${message}`);
  });
  const host = runnerHost(runner, workerConfig({}), (level, message) => {
    if (level !== 'info') seen.push(`note ${level} ${message}`);
  });
  host.shutdownRequest$.subscribe(({ how }) => seen.push(`leave ${how}`));
  host.credentials$.subscribe(({ clientId, accessToken, certificate }) => {
    expect(host.credentials?.()).toMatchObject({ clientId });
    seen.push(
      ['credentials', clientId, accessToken.reveal(), certificate?.reveal()].filter(Boolean).join(' '),
    );
  });
  const happens: Record<string, (word: string) => void | Promise<void>> = {
    end: () => void input.end(),
    report: () =>
      host.reportError({
        kind: 'worker-error',
        title: 'tcw error',
        description: 'the disk is gone',
        extra: { platform: 'linux' },
      }),
    exit: code => host.ended(Number(code)),
  };
  for (const line of lines) {
    const [sign, text] = [line.slice(0, 1), line.slice(2)];
    if (sign === '<') input.write(`${text.replace('\\r', '\r')}\n`);
    if (sign === '!') {
      const [what = '', word = ''] = text.split(' ');
      await happens[what]?.(word);
    }
    if (sign === '>') {
      await expect.poll(() => said).toContain('\n');
      const end = said.indexOf('\n') + 1;
      expect(said.slice(0, end)).toBe(`${text}\n`);
      said = said.slice(end);
    }
    if (sign === '=') {
      await expect.poll(() => seen).not.toEqual([]);
      expect(seen.shift()).toBe(text);
    }
    await setImmediate();
  }
  expect({ said, seen }).toEqual({ said: '', seen: [] });
  await runner.close();
});

import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, describe, expect, it } from 'vitest';
import { eventually, listening, newName, ownExchange, publishing, pulse, user } from './setting.ts';

const folder = mkdtempSync(join(tmpdir(), 'tcw-pulse-publish-'));
afterAll(() => {
  rmSync(folder, { recursive: true });
});
function file(name: string, content: string): string {
  const path = join(folder, name);
  writeFileSync(path, content);
  return path;
}

describe.concurrent('tcw pulse publish', () => {
  it('declares, publishes a file, standard input or an argument, and reports that', async () => {
    const { exchange } = await ownExchange();
    const listener = await listening(exchange, '--count', '4');
    const message = file('message.json', '{"id":1,"text":"\u2028ü"}');
    expect(await pulse(['publish', exchange, 'a', message, '--declare', '--cc', 'route.x'])).toEqual({
      exitCode: 0,
      stdout: `confirmed: ${exchange} a\n`,
      stderr: '',
    });
    await pulse(['publish', exchange, 'b', '-'], '{"id":2}');
    await pulse(['publish', exchange, 'c', '--body', '{"id":3}', '--dialect', 'payload']);
    expect(await pulse(['publish', exchange, 'd', '--quiet'], '{"id":4}')).toMatchObject({
      exitCode: 0,
      stdout: '',
    });
    expect(await listener.ended).toBe(0);
    expect(listener.messages()).toMatchObject([
      { routingKey: 'a', routes: ['route.x'], body: { id: 1, text: '\u2028ü' } },
      { routingKey: 'b', body: { id: 2 } },
      { routingKey: 'c', body: { payload: { id: 3 } } },
      { routingKey: 'd', body: { id: 4 } },
    ]);
  });

  it('publishes each line in order, and reports each in JSON', async () => {
    const { exchange } = await ownExchange();
    const listener = await listening(exchange, '--count', '500');
    const lines = Array.from({ length: 500 }, (_, id) => `{"id":${id}}${id % 2 ? '\r' : ''}\n`).join('');
    const { exitCode, stdout, stderr } = await pulse(
      ['publish', exchange, 'k', '-', '--lines', '--json'],
      `\n${lines}`,
    );
    expect([exitCode, stderr]).toEqual([0, 'tcw: 500 of 500 messages confirmed\n']);
    expect(
      stdout
        .split('\n')
        .slice(0, -1)
        .map(line => JSON.parse(line) as object),
    ).toEqual(
      Array.from({ length: 500 }, (_, id) => ({
        line: id + 2,
        exchange,
        routingKey: 'k',
        status: 'confirmed',
      })),
    );
    expect(await listener.ended).toBe(0);
    expect(listener.messages().map(({ body }) => body.id)).toEqual(
      Array.from({ length: 500 }, (_, id) => id),
    );
  });

  it('stops at a line that is not JSON: the lines before are published, exit code 65', async () => {
    const { exchange } = await ownExchange();
    const lines = file('broken.jsonl', '{"id":1}\n{"id":\n{"id":3}\n');
    const { exitCode, stdout, stderr } = await pulse(['publish', exchange, 'k', lines, '--lines']);
    expect([exitCode, stdout]).toEqual([65, `line 1: confirmed: ${exchange} k\n`]);
    expect(stderr).toMatch(/^tcw: 1 of 1 message confirmed\ntcw: line 2 is not JSON: [^\n]+\n$/);
  });

  it('reports lines that do not match --schema, and publishes the others: 65', async () => {
    const { exchange } = await ownExchange();
    const schema = file('schema.json', '{"type":"object","required":["id"]}');
    const { exitCode, stdout, stderr } = await pulse(
      ['publish', exchange, 'k', '-', '--lines', '--schema', schema],
      '{"id":1}\n{}\n{"id":3}\n',
    );
    expect(exitCode).toBe(65);
    expect(stdout).toBe(`line 1: confirmed: ${exchange} k\nline 3: confirmed: ${exchange} k\n`);
    expect(stderr).toMatch(
      /^tcw: line 2: refused: [^\n]*\/id is missing[^\n]*\ntcw: 2 of 3 messages confirmed\n$/,
    );
  });

  it('returns a --mandatory message that no queue receives: 75', async () => {
    const { exchange } = await ownExchange();
    expect(await pulse(['publish', exchange, 'k', '--mandatory', '--json'], '{}')).toEqual({
      exitCode: 75,
      stdout: expect.stringMatching(
        /^\{"exchange":.*,"status":"returned","kind":"returned","error":"no queue is bound for k/,
      ),
      stderr: expect.stringMatching(/^tcw: returned: no queue is bound for k of [^\n]*\n$/),
    });
  });

  it.each(['SIGINT', 'SIGTERM'] as const)(
    'stops reading an endless input at %s, after what was read is confirmed: 0',
    async signal => {
      const { exchange } = await ownExchange();
      const publisher = publishing(exchange, 'k', '-', '--lines');
      const lines = publisher.child.stdin;
      lines?.write('{"id":1}\n{"id":2}\n{"id":');
      await eventually(() => publisher.lines().length === 2);
      publisher.child.kill(signal);
      expect(await publisher.ended).toBe(0);
      expect(publisher.lines()).toEqual([1, 2].map(line => `line ${line}: confirmed: ${exchange} k`));
      expect(publisher.said()).toBe('tcw: 2 of 2 messages confirmed\n');
    },
  );

  it('can be interrupted while it waits for its only body, and publishes nothing', async () => {
    const { exchange } = await ownExchange();
    const publisher = publishing(exchange, 'k', '-', '--deadline', '1');
    publisher.child.stdin?.write('{"id":');
    await new Promise(resolve => setTimeout(resolve, 1_000));
    publisher.child.kill('SIGINT');
    expect([await publisher.ended, publisher.child.signalCode, publisher.printed()]).toEqual([
      null,
      'SIGINT',
      '',
    ]);
  });

  it('stops at an error that every other line would have, too', async () => {
    const exchange = `exchange/${user}/${newName()}`;
    const lines = Array.from({ length: 5_000 }, () => '{}\n').join('');
    const { exitCode, stderr } = await pulse(['publish', exchange, 'k', '-', '--lines'], lines);
    expect(exitCode).toBe(64);
    expect(stderr).toMatch(new RegExp(`^tcw: line 1: refused: [^\\n]*no exchange '${exchange}'`));
    expect(stderr.split('\n').length).toBeLessThan(2_000);
  });
});

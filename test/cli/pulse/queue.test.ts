import { once } from 'node:events';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { describe, expect, it } from 'vitest';
import { exchanges } from '../../../src/exchanges/index.ts';
import { tcw } from '../tcw.ts';
import { atTheEnd, ownExchange, ownQueue, pulse, user } from './setting.ts';

describe.concurrent('tcw pulse queue', () => {
  it('inspects, purges and deletes a queue', async () => {
    const { exchange, pulse: owner } = await ownExchange();
    const { name } = await ownQueue(exchange, owner, [{ id: 1 }, { id: 2 }]);
    const full = `queue/${user}/${name}`;
    expect((await pulse(['queue', 'inspect', name])).stdout).toBe(`${full}: 2 messages, 0 consumers\n`);
    expect(await pulse(['queue', 'purge', full])).toEqual({
      exitCode: 64,
      stdout: '',
      stderr: `tcw: --yes is needed to drop 2 messages of ${full}, because there is no terminal to ask at\n`,
    });
    expect((await pulse(['queue', 'purge', full, '--yes'])).stdout).toBe(`${full}: dropped 2 messages\n`);
    expect(JSON.parse((await pulse(['queue', 'inspect', name, '--json'])).stdout)).toEqual({
      queue: full,
      messages: 0,
      consumers: 0,
    });
    expect(await pulse(['queue', 'delete', name, '--yes'])).toMatchObject({ exitCode: 0 });
    expect(await pulse(['queue', 'delete', name, '--yes'])).toEqual({
      exitCode: 64,
      stdout: '',
      stderr: `tcw: there is no queue ${full}\n`,
    });
  });

  it('lists bindings through a management API, and explains why not without one', async () => {
    const asked: unknown[] = [];
    const server = createServer(({ url, headers }, response) => {
      asked.push([url, headers.authorization]);
      const listed = [
        { source: '', routing_key: 'queue/me/q' },
        { source: 'exchange/x/y', routing_key: 'a.#' },
      ];
      const status = url?.includes('missing') ? 404 : url?.includes('refused') ? 401 : 200;
      response.writeHead(status).end(JSON.stringify(listed));
    }).listen(0, '127.0.0.1');
    atTheEnd(() => void server.close());
    await once(server, 'listening');
    const management = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
    const bindings = (...words: string[]) =>
      tcw(['pulse', 'queue', 'bindings', ...words], {
        environment: { PULSE_USERNAME: 'me', PULSE_PASSWORD: 'SECRET' },
      });
    expect(await bindings('q', '--management', management)).toMatchObject({
      exitCode: 0,
      stdout: 'exchange/x/y a.#\n',
    });
    expect(asked).toEqual([['/api/queues/%2F/queue%2Fme%2Fq/bindings', `Basic ${btoa('me:SECRET')}`]]);
    const other = management.replace('//', '//other:HIDDEN@');
    expect(await bindings('q', '--management', other)).toMatchObject({ exitCode: 0 });
    expect(asked.at(-1)).toEqual([expect.anything(), `Basic ${btoa('other:HIDDEN')}`]);
    expect(await bindings('q', '--management', other, '-u', 'me', '-p', 'x')).toMatchObject({ exitCode: 0 });
    expect(asked.at(-1)).toEqual([expect.anything(), `Basic ${btoa('me:x')}`]);
    for (const [queue, url, exitCode, says] of [
      ['missing', other, 64, 'has no such queue: it answered 404 for queue/me/missing'],
      ['refused', other, 77, 'refused the user or the password: it answered 401 for queue/me/refused'],
      ['q', 'http://other:HIDDEN@127.0.0.1:1', 69, 'cannot be reached: '],
      ['q', 'http://other:HIDDEN@:1', 64, '--management must be a URL'],
    ] as const) {
      const failed = await bindings(queue, '--management', url);
      expect(failed).toMatchObject({ exitCode, stderr: expect.stringMatching(/^tcw: [^\n]*\n$/) });
      expect(failed.stderr).toContain(says);
      expect(failed.stderr).not.toContain('HIDDEN');
    }
    expect(await bindings('q')).toMatchObject({
      exitCode: 64,
      stderr: expect.stringContaining('AMQP cannot list bindings: give the URL'),
    });
  });
});

describe.concurrent('tcw pulse exchanges', () => {
  it('lists every exchange of Taskcluster with its routing key', async () => {
    const { exitCode, stdout } = await tcw(['pulse', 'exchanges', '--json']);
    expect(exitCode).toBe(0);
    const listed = JSON.parse(stdout) as { name: string; exchange: string; routingKey: unknown }[];
    expect(listed.map(({ exchange, routingKey }) => ({ exchange, routingKey }))).toEqual(
      exchanges.map(({ exchange, routingKey }) => ({ exchange, routingKey })),
    );
  });

  it('finds some by a search term, and explains the fields', async () => {
    const { stdout } = await tcw(['pulse', 'exchanges', 'GroupResolved']);
    expect(stdout).toBe(
      [
        'queue.taskGroupResolved',
        '  exchange/taskcluster-queue/v1/task-group-resolved',
        '  primary.<taskGroupId>.<schedulerId>.[reserved]',
        '    routingKeyKind  always primary',
        '    taskGroupId     one word',
        '    schedulerId     one word',
        '    reserved        any number of words; _ if it is unknown',
        '',
      ].join('\n'),
    );
    expect(await tcw(['pulse', 'exchanges', 'queue.taskPendnig'])).toMatchObject({
      exitCode: 64,
      stderr: 'tcw: no exchange matches "queue.taskPendnig"; did you mean queue.taskPending?\n',
    });
  });
});

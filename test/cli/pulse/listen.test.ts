import { once } from 'node:events';
import { existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, expect, inject, it } from 'vitest';
import { queueExchanges } from '../../../src/exchanges/index.ts';
import { connect } from '../../../src/pulse/index.ts';
import { faultProxy } from '../../harness/fault-proxy.ts';
import { tcw } from '../tcw.ts';
import {
  atTheEnd,
  eventually,
  listening,
  listeningAt,
  newName,
  ownExchange,
  ownQueue,
  pulse,
} from './setting.ts';

const ids = (messages: readonly { body: { id: number } }[]) => messages.map(({ body }) => body.id);

function newFolder(): string {
  const folder = mkdtempSync(join(tmpdir(), 'tcw-pulse-cli-'));
  atTheEnd(() => {
    rmSync(folder, { recursive: true });
  });
  return folder;
}

describe.concurrent('tcw pulse listen', () => {
  it('prints a line of JSON for each message, and stops after --count', async () => {
    const { exchange, pulse: owner } = await ownExchange();
    const listener = await listening(exchange, 'a.#', 'b', '--count', '2');
    await owner.publish(exchange, 'c', { id: 0 });
    await owner.publish(exchange, 'a.x', { id: 1 }, { routes: ['route.r'] });
    // U+009B commands a terminal as ESC [ does, and JSON lets it stand.
    await owner.publish(exchange, 'b', { id: 2, text: 'a\u009b2Jb' });
    expect(await listener.ended).toBe(0);
    expect(listener.messages()).toEqual([
      {
        exchange,
        routingKey: 'a.x',
        routes: ['route.r'],
        receivedAt: expect.stringMatching(/^\d{4}-.*Z$/),
        redelivered: false,
        body: { id: 1 },
      },
      expect.objectContaining({ routingKey: 'b', body: { id: 2, text: 'a\u009b2Jb' } }),
    ]);
    expect(listener.printed()).toContain('a\\u009b2Jb');
  });

  it('knows the exchanges of Taskcluster by short names, and their routing keys by fields', async () => {
    const workerType = newName();
    const owner = connect({ url: inject('queuePulseUrl') });
    atTheEnd(() => owner.close());
    const { exchange } = queueExchanges.taskPending;
    await owner.declareExchange(exchange);
    const listener = await listening('task-pending', `workerType=${workerType}`, '--count', '1', '--pretty');
    const parts = {
      taskId: 't',
      runId: '0',
      provisionerId: 'p',
      workerType,
      schedulerId: 's',
      taskGroupId: 'g',
    };
    await owner.publish(exchange, queueExchanges.taskPending.build({ ...parts, workerType: 'other' }), {});
    await owner.publish(exchange, queueExchanges.taskPending.build(parts), { runId: 0 });
    expect(await listener.ended).toBe(0);
    expect(listener.lines().length).toBeGreaterThan(10);
    expect(JSON.parse(listener.printed())).toMatchObject({ exchange, parts, body: { runId: 0 } });
  });

  it('prints messages of several exchanges that match --filter', async () => {
    const one = await ownExchange();
    const other = await ownExchange();
    const listener = await listening(
      ...[one.exchange, '--bind', `${other.exchange} b.*`],
      ...['--filter', `body.id > 1 && exchange != 'x'`, '--count', '2'],
    );
    await one.pulse.publish(one.exchange, 'a', { nothing: true });
    await one.pulse.publish(one.exchange, 'a', { id: 1 });
    await one.pulse.publish(one.exchange, 'a', { id: 2 });
    await other.pulse.publish(other.exchange, 'b.c', { id: 3 });
    expect(await listener.ended).toBe(0);
    expect(ids(listener.messages()).sort()).toEqual([2, 3]);
    expect(listener.said()).toContain('tcw: --filter uses a value that a message does not have (');
  });

  it('exits with 75 if --timeout expires before --count', async () => {
    const { exchange } = await ownExchange();
    expect(await pulse(['listen', exchange, '--count', '1', '--timeout', '0.2', '--quiet'])).toEqual({
      exitCode: 75,
      stdout: '',
      stderr: '',
    });
  });

  it('consumes from a durable queue exactly what it prints, and keeps the rest', async () => {
    const { exchange, pulse: owner } = await ownExchange();
    const { name, words } = await ownQueue(
      exchange,
      owner,
      Array.from({ length: 20 }, (_, id) => ({ id })),
    );
    const first = await listening(...words, '--count', '3');
    expect(await first.ended).toBe(0);
    expect(ids(first.messages())).toEqual([0, 1, 2]);
    expect(first.said()).toContain(`${name} is kept and continues to fill`);
    expect((await pulse(['queue', 'inspect', name])).stdout).toContain(': 17 messages, 0 consumers');
  });

  it('exits silently when its reader has stopped, and consumes no more than was read', async () => {
    const { exchange, pulse: owner } = await ownExchange();
    const { name, words } = await ownQueue(exchange, owner);
    const listener = await listening(...words);
    listener.child.stdout?.destroy();
    await owner.publish(exchange, 'key', { id: 1 });
    expect(await listener.ended).toBe(0);
    expect(listener.said()).not.toContain('EPIPE');
    expect((await pulse(['queue', 'inspect', name])).stdout).toContain(': 1 message, 0 consumers');
  });

  it.runIf(existsSync('/dev/full'))(
    'reports that its output cannot be written, and keeps the message',
    async () => {
      const { exchange, pulse: owner } = await ownExchange();
      const { name, words } = await ownQueue(exchange, owner, [{ id: 1 }]);
      const { exitCode, stderr } = await tcw(['pulse', 'listen', ...words, '-s', inject('pulseUrl')], {
        before: ['sh', '-c', 'exec "$@" >/dev/full', 'sh'],
      });
      expect(exitCode).toBe(69);
      expect(stderr).toContain('\ntcw: standard output cannot be written: ENOSPC');
      expect((await pulse(['queue', 'inspect', name])).stdout).toContain(': 1 message, 0 consumers');
    },
  );

  it.each(['SIGINT', 'SIGTERM'] as const)('exits properly at %s: 0', async signal => {
    const { exchange, pulse: owner } = await ownExchange();
    const listener = await listening(exchange);
    await owner.publish(exchange, 'key', { id: 1 });
    await eventually(() => listener.lines().length === 1);
    listener.child.kill(signal);
    expect(await listener.ended).toBe(0);
  });

  it('reports that the connection was lost and restored, and what may be missing', async () => {
    const { exchange, pulse: owner } = await ownExchange();
    const { hostname: host, port } = new URL(inject('pulseUrl'));
    const proxy = await faultProxy({ host, port: Number(port) });
    atTheEnd(() => proxy.close());
    const url = new URL(inject('pulseUrl'));
    url.host = `127.0.0.1:${proxy.port}`;
    const fleeting = await listeningAt(url.href, exchange, '--count', '1');
    const kept = await listeningAt(
      url.href,
      exchange,
      '--queue',
      newName(),
      '--expires',
      '60',
      '--count',
      '1',
    );
    proxy.refuse();
    proxy.cut();
    for (const { said } of [fleeting, kept]) {
      await eventually(() => said().includes('tcw: the connection was interrupted, trying again: '));
    }
    await owner.publish(exchange, 'meanwhile', { id: 1 });
    proxy.accept();
    expect(await kept.ended).toBe(0);
    expect(ids(kept.messages())).toEqual([1]);
    await eventually(() => fleeting.said().split('tcw: listening to ').length === 3);
    await owner.publish(exchange, 'later', { id: 2 });
    expect(await fleeting.ended).toBe(0);
    expect(ids(fleeting.messages())).toEqual([2]);
    expect(fleeting.said()).toContain(
      'tcw: connected again: messages that were published in between are lost (a named queue, --queue, would have kept them)\n',
    );
    expect(kept.said()).not.toContain('are lost');
  });

  it('reports a message that is not JSON, and continues', async () => {
    const { exchange, pulse: owner } = await ownExchange();
    const listener = await listening(exchange, '--count', '1', '--dialect', 'payload');
    await owner.publish(exchange, 'bare', { id: 1 });
    await owner.publish(exchange, 'wrapped', { id: 2 }, { dialect: 'payload' });
    expect(await listener.ended).toBe(0);
    expect(ids(listener.messages())).toEqual([2]);
    expect(listener.said()).toContain(
      `a message from ${exchange} bare cannot be read and was dropped: /payload is missing`,
    );
  });
});

/** Runs a command for one message. */
const runningForOne = (exchange: string, command: string) =>
  listening(exchange, '--count', '1', '--exec', command);

describe.concurrent('tcw pulse listen --exec', () => {
  it('runs a command with the message on its standard input and its properties in the environment', async () => {
    const { exchange, pulse: owner } = await ownExchange();
    const listener = await runningForOne(
      exchange,
      'echo "$PULSE_EXCHANGE $PULSE_ROUTING_KEY $PULSE_ATTEMPT $PULSE_ROUTES"; cat',
    );
    await owner.publish(exchange, 'a.b', { id: 1 }, { routes: ['route.x', 'route.y'] });
    expect(await listener.ended).toBe(0);
    const [facts, json = ''] = listener.lines();
    expect(facts).toBe(`${exchange} a.b 1 route.x route.y`);
    expect(JSON.parse(json)).toMatchObject({ exchange, routingKey: 'a.b', body: { id: 1 } });
  });

  it('retries a message whose command fails, until it succeeds', async () => {
    const { exchange, pulse: owner } = await ownExchange();
    const listener = await runningForOne(exchange, 'echo "try $PULSE_ATTEMPT"; test "$PULSE_ATTEMPT" = 2');
    await owner.publish(exchange, 'key', {});
    expect(await listener.ended).toBe(0);
    expect(listener.lines()).toEqual(['try 1', 'try 2']);
    expect(listener.said()).toMatch(/key: exit code 1 \(attempt 1\); trying again in \d\.\d s/);
  });

  it.each([
    ['exit 65', [] as string[], 'exit code 65 (attempt 1)'],
    ['kill -9 $$', ['--attempts', '1'], 'ended by SIGKILL (attempt 1)'],
  ])('moves a message to the dead letters after %s %j, and exits with 75', async (command, more, why) => {
    const { exchange, pulse: owner } = await ownExchange();
    const name = newName();
    const listener = await listening(
      ...[exchange, '--queue', name, '--dead-letters', '--count', '1', '--exec', command, ...more],
    );
    await owner.publish(exchange, 'key', { id: 1 });
    expect(await listener.ended).toBe(75);
    expect(listener.said()).toContain(`key: ${why}; given up and moved to the dead letters`);
    expect((await pulse(['queue', 'inspect', `${name}/dead`])).stdout).toContain(': 1 message,');
    await Promise.all([name, `${name}/dead`].map(each => pulse(['queue', 'delete', each, '--yes'])));
  });

  it('runs no more commands at a time than --concurrency, and all of them', async () => {
    const { exchange, pulse: owner } = await ownExchange();
    const folder = newFolder();
    const { words } = await ownQueue(
      exchange,
      owner,
      Array.from({ length: 6 }, (_, id) => ({ id })),
    );
    const listener = await listening(
      ...[...words, '--count', '5', '--concurrency', '2', '--exec'],
      `touch ${folder}/$$; ls ${folder} | wc -l; sleep 0.2; rm ${folder}/$$`,
    );
    expect(await listener.ended).toBe(0);
    const running = listener.lines().map(Number);
    expect(running).toHaveLength(5);
    expect(Math.max(...running)).toBe(2);
  });

  it('finishes the running command at SIGINT and acknowledges its message, and keeps the rest', async () => {
    const { exchange, pulse: owner } = await ownExchange();
    const folder = newFolder();
    const { name, words } = await ownQueue(exchange, owner, [{ id: 1 }, { id: 2 }]);
    const listener = await listening(
      ...words,
      '--exec',
      `echo begun; until [ -e ${folder}/go ]; do sleep 0.05; done; echo ended`,
    );
    await eventually(() => listener.lines().includes('begun'));
    listener.child.kill('SIGINT');
    await eventually(() =>
      listener.said().includes('tcw: waiting for running commands; a second signal kills them'),
    );
    writeFileSync(join(folder, 'go'), '');
    expect(await listener.ended).toBe(0);
    expect(listener.lines()).toEqual(['begun', 'ended']);
    expect((await pulse(['queue', 'inspect', name])).stdout).toContain(': 1 message, 0 consumers');
  });

  it('kills the command and its children at a second signal: 130, and the message is kept', async () => {
    const { exchange, pulse: owner } = await ownExchange();
    const folder = newFolder();
    const { name, words } = await ownQueue(exchange, owner, [{ id: 1 }]);
    const listener = await listening(
      ...words,
      '--exec',
      `sleep 600 & echo $! > ${folder}/pid; echo begun; wait`,
    );
    await eventually(() => listener.lines().includes('begun'));
    const pid = Number(readFileSync(join(folder, 'pid'), 'utf8'));
    const exited = once(listener.child, 'exit');
    listener.child.kill('SIGINT');
    await eventually(() => listener.said().includes('tcw: waiting for running commands'));
    listener.child.kill('SIGINT');
    expect(await exited).toEqual([130, null]);
    await listener.ended;
    // Nobody may be there to bury it, so it may stay a zombie.
    await eventually(() => /^[ZX]?$/.test(stateOf(pid)));
    await eventually(async () =>
      (await pulse(['queue', 'inspect', name])).stdout.includes(': 1 message, 0 consumers'),
    );
  });
});

/** The letter by which Linux calls the state of a process; none when there is none. */
function stateOf(pid: number): string {
  try {
    return /^State:\s+(\w)/m.exec(readFileSync(`/proc/${pid}/status`, 'utf8'))?.[1] ?? '';
  } catch {
    return '';
  }
}

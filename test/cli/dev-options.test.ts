import { Command } from 'commander';
import { describe, expect, it } from 'vitest';
import type { DevOptions } from '../../src/cli/commands.ts';
import { addDevOptions, devOptions } from '../../src/cli/dev/dev-options.ts';

function parse(...words: string[]): Promise<DevOptions> {
  const command = new Command('dev');
  addDevOptions(command);
  command.parse(words, { from: 'user' });
  return devOptions(command, '/here');
}

describe('the arguments of tcw dev', () => {
  it('may be omitted', async () => {
    expect(await parse()).toEqual({ tasks: [], port: 0, once: false, worker: {} });
  });

  it('are tasks, a port, brokers and properties of the worker', async () => {
    const options = await parse(
      ...['a.json', 'b.json', '--once', '--port', '8080', '--default-task=c.json', '--capacity', '3'],
      ...['--pulse-url', 'amqp://worker:pw@h', '--queue-pulse-url', 'amqp://tc:pw@h', '--tasks-dir', 'tasks'],
    );
    expect(options).toMatchObject({
      tasks: ['a.json', 'b.json'],
      port: 8080,
      once: true,
      defaultTask: 'c.json',
      worker: { capacity: 3, tasksDir: '/here/tasks' },
    });
    expect(options.worker.pulseUrl?.reveal()).toBe('amqp://worker:pw@h');
    expect(options.queuePulseUrl?.reveal()).toBe('amqp://tc:pw@h');
    expect(JSON.stringify(options)).not.toContain('pw');
  });

  it('are all reported together if they are invalid, without secrets', async () => {
    const attempt = parse('--port', '65536', '--queue-pulse-url', 'http://u:SECRET@h', '--capacity', '0');
    await expect(attempt).rejects.toMatchObject({
      exitCode: 64,
      message: [
        'the configuration has 3 problems:',
        '  - flag --capacity: capacity must be a whole number from 1 to 255; it is 0',
        '  - flag --port: it must be a port, from 0 to 65535',
        '  - flag --queue-pulse-url: it must be a URL like amqps://user:password@host:5671/vhost, or the word production',
      ].join('\n'),
    });
    await expect(parse('--capacity', '0')).rejects.toMatchObject({ exitCode: 73 });
  });
});

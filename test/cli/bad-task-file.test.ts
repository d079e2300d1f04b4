import { readdirSync } from 'node:fs';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { newWorkplace, type Workplace } from './dev-session.ts';

let workplace: Workplace;
beforeEach(() => {
  workplace = newWorkplace();
});
afterEach(() => workplace[Symbol.asyncDispose]());

const payload = { command: [['true']], maxRunTime: 60 };

describe('an invalid task file', () => {
  it.each<[string, string, unknown, RegExp]>([
    ['is not JSON', 'x.json', '{"payload":\n  nonsense}', /x\.json, line 2, column 3: not JSON$/],
    [
      'ends too early',
      'x.json',
      '{"payload":',
      /x\.json, line 1, column 12: not JSON \(it ends too early\)$/,
    ],
    ['is not YAML', 'x.yml', 'a: b: c', /x\.yml, line 1, column 4: not YAML \(block as implicit key\)$/],
    ['is not an object', 'x.json', [payload], /x\.json: it must contain one object/],
    ['contains an invalid task', 'x.json', { tasks: [{ payload }, 'task'] }, /tasks\[1\] is not an object$/],
    [
      'uses an unknown json-e variable',
      'x.json',
      { payload: { $eval: 'nope' } },
      /x\.json: json-e cannot render it: [^\n]*nope/,
    ],
  ])('that %s leads to one error line, and nothing is started', async (_, name, content, message) => {
    const { exitCode, stdout, stderr } = await workplace.tcw('dev', '--once', workplace.write(name, content));
    expect(stderr).toMatch(/^tcw: [^\n]+\n$/);
    expect(stderr.trimEnd()).toMatch(message);
    expect([exitCode, stdout]).toEqual([64, '']);
  });

  it('that does not exist leads to one error line', async () => {
    const { exitCode, stdout, stderr } = await workplace.tcw('dev', '--once', '/nowhere/x.json');
    expect(stderr).toMatch(/^tcw: \/nowhere\/x\.json cannot be read: there is no such file\n$/);
    expect([exitCode, stdout]).toEqual([64, '']);
  });
});

describe('a task that the queue does not accept', () => {
  it.each<[string, object, string[]]>([
    [
      'breaks its schema',
      { metadata: { owner: 7 }, priority: 'urgent', scopes: ['\n'], payload },
      ['data/metadata/owner must be string', 'data/priority', 'data/scopes/0'],
    ],
    ['has too late a deadline', { deadline: { $fromNow: '10 days' }, payload }, ['more than 5 days']],
    ['was created too long ago', { created: { $fromNow: '-1 hour' }, payload }, ['`created`', '15 minutes']],
    ['has an invalid task id', { taskId: 'my-task', payload }, ['my-task']],
    [
      'needs a task that is not there',
      { dependencies: ['AAAAAAAAQACAAAAAAAAAAA'], payload },
      ['AAAAAAAAQACAAAAAAAAAAA'],
    ],
  ])('because it %s leads to one error line, and tcw ends', async (_, content, words) => {
    const file = workplace.write('refused.json', content);
    const { exitCode, stderr } = await workplace.tcw('dev', '--log-level', 'error', file);
    expect(stderr).toMatch(/^tcw: [^\n]*refused\.json: the queue does not accept task "refused": [^\n]*\n$/);
    for (const word of words) expect(stderr).toContain(word);
    expect(exitCode).toBe(64);
  });

  it('ends one that was accepted before, and leaves nothing behind', async () => {
    const endless = { command: [['sleep', '1000']], maxRunTime: 2_000 };
    const file = workplace.write('two.json', {
      tasks: [{ payload: endless }, { payload, priority: 'urgent' }],
    });
    const { exitCode, stderr } = await workplace.tcw('dev', '--log-level', 'error', file);
    expect(stderr).toMatch(/^tcw: [^\n]*two\.json: the queue does not accept task "two 2": [^\n]*\n$/);
    expect(exitCode).toBe(64);
    expect(readdirSync(workplace.temporary)).toEqual([]);
  });
});

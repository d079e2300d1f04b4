import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import fc from 'fast-check';
import { afterAll, describe, expect, it } from 'vitest';
import { readTasks } from '../../src/cli/task-files/read-tasks.ts';
import { Failure } from '../../src/cli/words/failure.ts';

const folder = mkdtempSync(join(tmpdir(), 'tcw-task-files-'));
afterAll(() => rmSync(folder, { recursive: true }));
const filling = { taskQueueId: 'tcw/dev', createdBy: 'a test', now: new Date() };
let count = 0;

async function readsOrSaysWhy(text: string | Uint8Array, extension: string): Promise<void> {
  const file = join(folder, `${++count}${extension}`);
  writeFileSync(file, text);
  try {
    for (const task of await readTasks(file, filling)) expect(task.definition.taskQueueId).toBe('tcw/dev');
  } catch (error) {
    if (!(error instanceof Failure)) throw error;
    expect(error.exitCode).toBe(64);
    expect(error.message).toMatch(/^[^\n]+$/);
    expect(error.message).toContain(file);
  }
}

describe('a task file of any content', () => {
  it('contains tasks, or leads to one line that says why not', async () => {
    const words = [
      '$eval',
      '$if',
      '$fromNow',
      'tasks',
      'payload',
      'taskId',
      '__proto__',
      'metadata',
      '1 + ',
      '${x}',
      'as_slugid("a")',
    ];
    const template = fc.letrec<{ node: unknown }>(tie => ({
      node: fc.oneof(
        { maxDepth: 4 },
        fc.constantFrom(...words),
        fc.integer(),
        fc.constant(null),
        fc.array(tie('node'), { maxLength: 3 }),
        fc.dictionary(fc.constantFrom(...words), tie('node'), { maxKeys: 3 }),
      ),
    })).node;
    const files = fc.oneof(
      template.map(node => JSON.stringify(node)),
      template.map(node => JSON.stringify({ tasks: [node] })),
      fc.string({ unit: 'binary' }),
      fc.uint8Array().map(bytes => Buffer.from(bytes)),
    );
    await fc.assert(fc.asyncProperty(files, fc.constantFrom('.json', '.yml'), readsOrSaysWhy), {
      numRuns: 600,
    });
  });
});

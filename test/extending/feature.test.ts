import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterAll, describe, expect, it, onTestFinished } from 'vitest';
import { FEATURES, type FeatureModule } from '../../src/worker/index.ts';
import { payloadSchema } from '../../src/worker/payload-schema.ts';
import { programsOf } from '../docs/programs.ts';
import { deployment, sh } from '../worker/deployment.ts';

const page = readFileSync(new URL('../../docs/extending.md', import.meta.url), 'utf8');
const folder = mkdtempSync(join(fileURLToPath(new URL('.', import.meta.url)), 'tmp-'));
afterAll(() => {
  rmSync(folder, { recursive: true });
});

/** The feature on the page, as a reader would write it into a file. */
async function notes(): Promise<FeatureModule> {
  const [program] = programsOf(page);
  const code = (program?.code ?? '').replace("from 'tcw'", "from '../../../src/worker/index.ts'");
  const file = join(folder, 'notes.ts');
  writeFileSync(file, code);
  const module = (await import(file)) as { readonly notes: FeatureModule };
  return module.notes;
}

async function start(config = {}) {
  const here = await deployment();
  onTestFinished(() => here.close());
  const features = [...FEATURES, await notes()];
  await here.startWorker(config, { features });
  return here;
}

describe('the feature of docs/extending.md', () => {
  it('serves a task that requests it', async () => {
    const here = await start();
    const payload = { ...sh('printf %s "$NOTES"'), notes: ['first', 'second'] };
    const taskId = await here.createTask(payload, { scopes: ['worker:notes'] });
    expect((await here.resolved(taskId)).state).toBe('completed');
    const log = await here.log(taskId);
    expect(log).toContain('[notes] 2 notes');
    expect(log).toMatch(/^first\nsecond$/m);
    expect((await here.artifact(taskId, 'public/notes.txt')).toString()).toBe('first\nsecond\n');
  });

  it('reports its problems together with all others, in one message', async () => {
    const here = await start({ enableNotes: false });
    const payload = {
      ...sh('true'),
      maxRunTime: 999_999,
      env: { 'A=B': 'x' },
      notes: Array(11).fill('note'),
    };
    const taskId = await here.createTask(payload);
    expect((await here.resolved(taskId)).runs[0]).toMatchObject({ reasonResolved: 'malformed-payload' });
    const log = await here.log(taskId);
    for (const problem of [
      'no environment variable can be named "A=B"',
      'maxRunTime of 999999 s is more than this worker pool allows (86400 s)',
      'a task may have 10 notes at most',
      `feature "notes", but it's not enabled on this worker pool`,
      'Feature "notes" requires scopes:',
      'worker:notes',
    ]) {
      expect(log).toContain(problem);
    }
    expect(log).not.toContain('Executing command');
  });

  it('owns its part of the payload schema exclusively', async () => {
    const module = await notes();
    expect(payloadSchema('generic-worker', [...FEATURES, module])).toMatchObject({
      properties: { notes: { type: 'array' } },
    });
    expect(() => payloadSchema('generic-worker', [module, module])).toThrow(
      'notes and notes both have a payload property /notes',
    );
  });
});

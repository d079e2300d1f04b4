import { describe, expect, it } from 'vitest';
import { windowsProblems } from '../../src/cli/config/checks/windows.ts';
import { read, refusal, required } from './given.ts';
import { containers, desktop, fromRunner, users, windows } from './pool-configs.ts';

describe('the configuration of a pool that generic-worker runs today', () => {
  it.each([
    ['containers', containers],
    ['a desktop', desktop],
    ['a user for each task', users],
  ])('that is for %s is read without a warning', async (_, pool) => {
    const { config, warnings } = await read({ file: { ...pool, ...fromRunner } });
    expect(config).toMatchObject({
      rootURL: 'https://tc.example.com',
      instanceId: 'i-77',
      workerLocation: '{"cloud":"example","region":"north"}',
      workerTypeMetadata: { 'machine-setup': { image: 'ours' } },
    });
    expect(warnings).toEqual([]);
  });

  it('that is for Windows is refused on other systems in one line that names its paths', async () => {
    const error = await refusal({ file: { ...windows, ...fromRunner } });
    expect(error.exitCode).toBe(73);
    expect(error.problems).toHaveLength(1);
    expect(error.message).toContain(
      'this configuration is for a Windows worker (ed25519SigningKeyLocation is C:\\worker\\key, ' +
        'cachesDir is D:\\caches, downloadsDir is D:\\downloads, runAfterUserCreation is C:\\worker\\user-init.cmd, tasksDir is D:\\), and tcw has no engine for Windows yet',
    );
  });

  it('that is for Windows is accepted there', () => {
    const settings = new Map([['tasksDir', { value: 'D:\\', place: 'file x' }]]);
    expect(windowsProblems(settings, 'win32')).toEqual([]);
  });
});

describe('a name in another case, which generic-worker accepts', () => {
  it.each([
    ['instanceID', 'instanceId', 'i-1'],
    ['rooturl', 'rootURL', 'https://other.example.com'],
    ['CAPACITY', 'capacity', 7],
  ])('is accepted: %s is %s', async (written, name, value) => {
    const { [name as 'rootURL']: _, ...others } = required;
    const { config } = await read({ file: { ...others, [written]: value } });
    expect(config).toMatchObject({ [name]: value });
  });

  it('is accepted in objects with known keys, too', async () => {
    const { config } = await read({ file: { ...required, D2GConfig: { allowGpus: true } } });
    expect(config.d2gConfig).toMatchObject({ allowGPUs: true });
  });

  it('is merged with the exact name if both have objects, and the exact name wins for each key', async () => {
    const { config, warnings } = await read({
      file: {
        ...required,
        workerTypeMetadata: { image: 'exact', 'instance-id': '1' },
        workerTypeMetaData: { image: 'other', sbom: 'x' },
      },
    });
    expect(config.workerTypeMetadata).toEqual({ image: 'exact', sbom: 'x', 'instance-id': '1' });
    expect(warnings).toEqual([]);
  });

  it.each([
    [{ capacity: 2, Capacity: 3 }, 2, 'capacity'],
    [{ Capacity: 3, capacity: 2 }, 2, 'capacity'],
    [{ CAPACITY: 3, Capacity: 4 }, 4, 'Capacity'],
  ])('of %j is read as %d, with a warning', async (spellings, capacity, counts) => {
    const { config, warnings } = await read({ file: { ...required, ...spellings } });
    expect(config.capacity).toBe(capacity);
    expect(warnings.map(({ message }) => message)).toEqual([
      `capacity is given in two spellings; ${counts} is used`,
    ]);
  });

  it('is recognised for an obsolete property, too', async () => {
    const { warnings } = await read({ file: { ...required, queuebaseurl: 'https://queue.example.com' } });
    expect(warnings[0]?.message).toContain('queueBaseURL is obsolete');
  });
});

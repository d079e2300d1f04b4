import { describe, expect, it } from 'vitest';
import type { ArtifactSpec } from '../../../src/worker/task-spec.ts';
import { inHours, start } from './uploading-run.ts';

describe('a request for artifacts', () => {
  const problemOf = async (request: Partial<ArtifactSpec>) => {
    const { problems } = await start([request]);
    return (await problems())[0];
  };

  it('is validated before any command runs', async () => {
    expect(await problemOf({ name: 'public/ä' })).toBe(
      'artifact "public/ä": its name contains characters other than printable ASCII',
    );
    expect(await problemOf({ path: '/tmp/x' })).toContain('an empty part');
    expect(await problemOf({ path: '/tmp/x', name: 'public/x' })).toBeUndefined();
  });

  it.each([
    ['text/plain\n', 'its contentType "text/plain\\n" contains characters other than printable ASCII'],
    ['text/ä', 'its contentType "text/ä" contains characters other than printable ASCII'],
    [`text/${'x'.repeat(251)}`, 'its contentType has 256 characters, more than 255'],
  ])('is refused for an invalid content type: %j', async (contentType, problem) => {
    expect(await problemOf({ name: 'public/x', contentType })).toBe(`artifact "public/x": ${problem}`);
  });

  it.each(['text/x-mine; charset="utf-8"', `text/${'x'.repeat(250)}`, ''])(
    'accepts any other content type: %j',
    async contentType => {
      expect(await problemOf({ contentType })).toBeUndefined();
    },
  );

  it.each([
    ['before the deadline', 0.9, 'before the task’s deadline'],
    ['after the task itself', 25, 'after the task does'],
  ])('is refused for artifacts that expire %s', async (_, hours, words) => {
    expect(await problemOf({ expires: inHours(hours) })).toContain(words.replace('’', "'"));
  });

  it('accepts any expiry between the deadline and the expiry of the task, with a tolerance of one second', async () => {
    const { problems, claim } = await start([]);
    const times = [
      claim.deadlineMs - 900,
      claim.deadlineMs + 1,
      Date.parse(claim.task.expires ?? '') + 900,
    ].map(time => new Date(time).toISOString());
    for (const expires of times) {
      const requests = [{ type: 'file', path: 'x', optional: false, expires }] as const;
      expect(await problems({ artifacts: requests })).toEqual([]);
    }
  });
});

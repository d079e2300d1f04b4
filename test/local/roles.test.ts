import { describe, expect, it } from 'vitest';

import { createExpandScopes } from '../../src/local/auth/roles.ts';
import { refusalOf, startQueue } from './queue-under-test.ts';

describe('a role', () => {
  const expand = createExpandScopes({
    plain: ['a:b', 'assume:other'],
    other: ['c:d'],
    'repo:*': ['branch:<..>:read', 'branch:<..>'],
    loop: ['assume:loop'],
  });

  it.each([
    [
      'stands for its scopes, and those of the roles in it',
      ['assume:plain'],
      ['a:b', 'assume:other', 'assume:plain', 'c:d'],
    ],
    ['is nothing to whoever does not take it on', ['assume:plai', 'x'], ['assume:plai', 'x']],
    [
      'with a star puts the rest into its scopes',
      ['assume:repo:x'],
      ['assume:repo:x', 'branch:x', 'branch:x:read'],
    ],
    [
      'with a star, taken on with one, stands for every rest',
      ['assume:repo:x*'],
      ['assume:repo:x*', 'branch:x*'],
    ],
    ['is taken on by a shorter star', ['assume:r*'], ['assume:r*', 'branch:*']],
    ['may contain itself', ['assume:loop'], ['assume:loop']],
    ['is all that everything is', ['*', 'a'], ['*']],
  ])('%s', (_, given, expected) => {
    expect(expand(given)).toEqual(expected);
  });
});

describe('the auth service', () => {
  it('returns the scopes of the caller, including roles, and expands scopes', async () => {
    await using queue = await startQueue({ roles: { anonymous: ['no:thing'], r: ['a:b'] } });
    expect(await queue.connectTo('auth').currentScopes()).toEqual({ scopes: ['*'] });
    expect(await queue.connectTo('auth').expandScopes({ scopes: ['assume:r', 'x'] })).toEqual({
      scopes: ['a:b', 'assume:r', 'x'],
    });
    const nobody = queue.connectTo('auth', queue.credentials.nobody);
    expect(await refusalOf(nobody.currentScopes())).toMatchObject({ status: 403 });
  });

  it('gives everybody the scopes of the role anonymous', async () => {
    await using queue = await startQueue({
      anonymousScopes: ['assume:reader'],
      roles: { reader: ['queue:status:*'] },
    });
    const taskId = await queue.create();
    expect(await queue.anonymous.status(taskId)).toMatchObject({ status: { taskId } });
  });
});

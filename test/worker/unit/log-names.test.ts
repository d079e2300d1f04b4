import { describe, expect, it } from 'vitest';
import { logNames } from '../../../src/worker/log-names.ts';

const PUBLIC = { backing: 'public/logs/live_backing.log', live: 'public/logs/live.log' };
const PRIVATE = 'private/logs/live_backing.log';

describe('the artifact names of a log', () => {
  it.each([
    ['no payload at all', undefined, PUBLIC],
    ['none of these properties', { command: 'malformed' }, PUBLIC],
    ['names', { logs: { backing: 'a', live: 'b' } }, { backing: 'a', live: 'b' }],
    ['one name', { logs: { backing: 'private/x.log' } }, { ...PUBLIC, backing: 'private/x.log' }],
    ['no link', { features: { liveLog: false } }, { ...PUBLIC, live: undefined }],
    ['no log', { features: { backingLog: false } }, { backing: undefined, live: undefined }],
    ['one name for both', { logs: { backing: 'a', live: 'a' } }, { backing: 'a', live: undefined }],
    ['an invalid public name', { logs: { backing: 'public//ä' } }, PUBLIC],
  ])('are read from a payload with %s', (_, payload, names) => {
    expect(logNames(payload)).toEqual(names);
  });

  it.each([
    ['an invalid private name', { logs: { backing: 'private//x.log' } }],
    ['a name that is not a string', { logs: { backing: ['private/x.log'] } }],
    ['a name in the wrong place', { logs: 'private/x.log' }],
    ['logs that are null', { logs: null }],
    ['a switch that is not a boolean', { features: { backingLog: 'false' } }],
    ['switches that are a list', { features: ['backingLog'] }],
  ])('are private if the payload has an invalid value: %s', (_, payload) => {
    expect(logNames(payload).backing).toBe(PRIVATE);
  });

  it('include no link if the name of the link is invalid', () => {
    expect(logNames({ logs: { backing: 'a', live: 'ä' } })).toEqual({ backing: 'a', live: undefined });
    expect(logNames({ features: { liveLog: 'no' } })).toEqual({ ...PUBLIC, live: undefined });
  });
});

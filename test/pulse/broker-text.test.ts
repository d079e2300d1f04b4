import { expect, it } from 'vitest';
import { brokerText } from '../../src/pulse/transport/amqp/broker-text.ts';

it.each([
  [
    `Channel closed by server: 404 (NOT-FOUND) with message "NOT_FOUND - no exchange 'exchange/me/x' in vhost '/'"`,
    "no exchange 'exchange/me/x' (404)",
  ],
  [
    `Channel closed by server: 404 (NOT-FOUND) with message "NOT_FOUND - no queue 'queue/me/x' in vhost 'communitytc'"`,
    "no queue 'queue/me/x' in vhost 'communitytc' (404)",
  ],
  [
    `Channel closed by server: 403 (ACCESS-REFUSED) with message "ACCESS_REFUSED - write access to exchange 'x' in vhost '/' refused for user 'me'"`,
    "write access to exchange 'x' refused for user 'me' (403)",
  ],
  [
    `Channel closed by server: 405 (RESOURCE-LOCKED) with message "RESOURCE_LOCKED - cannot obtain exclusive access to locked queue 'q' in vhost '/'. It could be originally declared on another connection or the exclusive property value does not match that of the original declaration."`,
    "cannot obtain exclusive access to locked queue 'q' (405)",
  ],
  [
    `Channel closed by server: 406 (PRECONDITION-FAILED) with message "PRECONDITION_FAILED - inequivalent arg 'x-expires' for queue 'q' in vhost '/': received none but current is the value '60000' of type 'signedint'"`,
    "queue 'q' exists with other arguments: x-expires is '60000' there, and none here (406)",
  ],
  [
    `Channel closed by server: 406 (PRECONDITION-FAILED) with message "PRECONDITION_FAILED - inequivalent arg 'type' for exchange 'e' in vhost '/': received 'topic' but current is 'fanout'"`,
    "exchange 'e' exists with other arguments: type is 'fanout' there, and 'topic' here (406)",
  ],
  ['read ECONNRESET', 'read ECONNRESET'],
])('the useful part of an error of the broker is shown: %s', (text, expected) => {
  expect(brokerText(text)).toBe(expected);
});

import type { Handler, HandlerContext, PulseMessage, Verdict } from '../../../pulse/index.ts';
import type { MessageFilter } from './filter.ts';
import { recordOf, type MessageRecord } from './message-record.ts';
import type { Quota } from '../quota.ts';

/** Processes one message that passed the filter. */
export type Work = (
  record: MessageRecord,
  context: HandlerContext,
  message: PulseMessage,
) => Promise<Verdict | undefined>;

/** The handler of `listen`: applies the filter and the limit of `--count`, and processes the message. */
export function listenHandler(wanted: MessageFilter, quota: Quota, work: Work): Handler<PulseMessage> {
  return async (message, context) => {
    const record = recordOf(message);
    if (!wanted(record)) return undefined;
    const taken = quota.take();
    // While places are free, nothing is awaited here, so lines keep the order of their messages.
    if (!(typeof taken === 'boolean' ? taken : await taken)) {
      message.requeue();
      return undefined;
    }
    let counts = context.lastAttempt;
    try {
      const verdict = await work(record, context, message);
      counts = true;
      return verdict;
    } finally {
      quota.finish(counts);
    }
  };
}

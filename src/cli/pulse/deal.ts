import type { Handler, HandlerContext, PulseMessage, Verdict } from '../../pulse/index.ts';
import type { MessageFilter } from './listen/filter.ts';
import { recordOf, type MessageRecord } from './listen/message-record.ts';
import type { Quota } from './quota.ts';

/** What is done with each message that is wanted. */
export type Work = (
  record: MessageRecord,
  context: HandlerContext,
  message: PulseMessage,
) => Promise<Verdict | undefined>;

/** The handler of `listen`: filters, keeps to `--count`, and does the work. */
export function dealing(wanted: MessageFilter, places: Quota, work: Work): Handler<PulseMessage> {
  return async (message, context) => {
    const record = recordOf(message);
    if (!wanted(record)) return undefined;
    const taken = places.take();
    // Lines keep the order of their messages, since nothing is waited for here while there are places.
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
      places.finish(counts);
    }
  };
}

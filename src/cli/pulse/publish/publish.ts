import { ReplaySubject } from 'rxjs';
import { checkRoutingKey, type Pulse, type PublishResult } from '../../../pulse/index.ts';
import { shutdownSignals } from '../../../streams/index.ts';
import { PULSE_EXIT_CODES } from '../../words/exit-codes.ts';
import { bodiesOf, type FoundBody } from './bodies.ts';
import { openPulse } from '../connection.ts';
import { exchangeNamed, meantExchange } from '../exchange-names.ts';
import { checked, pulseFailure } from '../failure.ts';
import { publishOptions, type PublishWords } from './publish-options.ts';
import { teller, type Teller } from './publish-results.ts';
import { screen, type Output } from '../screen.ts';

/** The most messages that may wait for confirmation. Beyond that, no further lines are read. */
const IN_FLIGHT = 256;

/**
 * `tcw pulse publish`: publishes one message, or one for each line, and reports each result.
 *
 * It stops at a line that is not JSON, and at an error that the broker would repeat for the next message. Results of
 * messages that were already read are awaited. The first signal stops the reading, the second ends the program.
 */
export async function publish(
  exchangeWord: string,
  key: string,
  file: string | undefined,
  words: PublishWords,
  stdout: Output,
  stderr: Output,
): Promise<number> {
  const { name: exchange } = exchangeNamed(exchangeWord);
  checked(() => checkRoutingKey(key));
  const options = await publishOptions(words);
  const reading = new AbortController();
  const { signal } = reading;
  const bodies = await bodiesOf({ file, text: words.body, lines: words.lines === true, signal });

  const out = screen(stdout, stderr);
  const stop$ = new ReplaySubject<void>(1);
  const signals = shutdownSignals().subscribe(how => {
    if (how === 'force') process.exit(PULSE_EXIT_CODES.interrupted.code);
    stop$.next();
    reading.abort();
  });
  let pulse: Pulse | undefined;
  try {
    pulse = await openPulse(words, stop$);
    if (words.declare) await pulse.declareExchange(exchange);
    const publisher = pulse.publisher(exchange, options.all);
    const told = teller(exchange, key, words, out);
    const send = ({ body }: FoundBody) => publisher.tryPublish(key, body, options.each);
    try {
      await sendAll(bodies, send, told, reading);
    } finally {
      if (words.lines) told.summary();
    }
    return told.exitCode();
  } catch (error) {
    throw pulseFailure(error, meantExchange(exchange, error));
  } finally {
    signals.unsubscribe();
    await pulse?.close();
  }
}

/** Sends each body as soon as it is read, and reports the results in that order as soon as they are known. */
async function sendAll(
  bodies: AsyncIterable<FoundBody>,
  send: (found: FoundBody) => Promise<PublishResult>,
  told: Teller,
  reading: AbortController,
): Promise<void> {
  let telling = Promise.resolve();
  let underWay = 0;
  try {
    for await (const found of bodies) {
      if (reading.signal.aborted) break;
      underWay++;
      const sent = send(found);
      telling = telling.then(async () => {
        const goesOn = await told.tell(found, await sent);
        underWay--;
        if (!goesOn) reading.abort();
      });
      if (underWay >= IN_FLIGHT) await telling;
    }
  } finally {
    await telling;
  }
}

import { ReplaySubject } from 'rxjs';
import { checkRoutingKey, type Pulse, type PublishResult } from '../../../pulse/index.ts';
import { shutdownSignals } from '../../../streams/index.ts';
import { PULSE_EXIT_CODES } from '../../words/exit-codes.ts';
import { bodiesOf, type FoundBody } from './bodies.ts';
import { openPulse } from '../connection.ts';
import { exchangeNamed, exchangeSuggestion } from '../exchange-names.ts';
import { checked, pulseFailure } from '../failure.ts';
import { readPublishOptions, type PublishCommandOptions } from './publish-options.ts';
import { resultPrinter, type ResultPrinter } from './publish-results.ts';
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
  options: PublishCommandOptions,
  stdout: Output,
  stderr: Output,
): Promise<number> {
  const { name: exchange } = exchangeNamed(exchangeWord);
  checked(() => checkRoutingKey(key));
  const publishing = await readPublishOptions(options);
  const reading = new AbortController();
  const { signal } = reading;
  const bodies = await bodiesOf({ file, text: options.body, lines: options.lines === true, signal });

  const out = screen(stdout, stderr);
  const stop$ = new ReplaySubject<void>(1);
  const signals = shutdownSignals().subscribe(how => {
    if (how === 'force') process.exit(PULSE_EXIT_CODES.interrupted.code);
    stop$.next();
    reading.abort();
  });
  let pulse: Pulse | undefined;
  try {
    pulse = await openPulse(options, stop$);
    if (options.declare) await pulse.declareExchange(exchange);
    const publisher = pulse.publisher(exchange, publishing.all);
    const results = resultPrinter(exchange, key, options, out);
    const send = ({ body }: FoundBody) => publisher.tryPublish(key, body, publishing.each);
    try {
      await sendAll(bodies, send, results, reading);
    } finally {
      if (options.lines) results.summary();
    }
    return results.exitCode();
  } catch (error) {
    throw pulseFailure(error, exchangeSuggestion(exchange, error));
  } finally {
    signals.unsubscribe();
    await pulse?.close();
  }
}

/** Sends each body as soon as it is read, and reports the results in that order as soon as they are known. */
async function sendAll(
  bodies: AsyncIterable<FoundBody>,
  send: (found: FoundBody) => Promise<PublishResult>,
  results: ResultPrinter,
  reading: AbortController,
): Promise<void> {
  let printing = Promise.resolve();
  let underWay = 0;
  try {
    for await (const found of bodies) {
      if (reading.signal.aborted) break;
      underWay++;
      const sent = send(found);
      printing = printing.then(async () => {
        const continues = await results.print(found, await sent);
        underWay--;
        if (!continues) reading.abort();
      });
      if (underWay >= IN_FLIGHT) await printing;
    }
  } finally {
    await printing;
  }
}

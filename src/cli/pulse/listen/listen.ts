import { lastValueFrom, ReplaySubject, Subscription, tap } from 'rxjs';
import { handle, type ConsumerEvent, type HandleEvent, type Pulse } from '../../../pulse/index.ts';
import { shutdownSignals, longTimer } from '../../../streams/index.ts';
import { PULSE_EXIT_CODES } from '../../words/exit-codes.ts';
import { Failure } from '../../words/failure.ts';
import { bindingsOf } from '../bindings.ts';
import { openPulse } from '../connection.ts';
import { dealing, type Work } from '../deal.ts';
import { meantExchange } from '../exchange-names.ts';
import { commandRunner } from './exec.ts';
import { pulseFailure } from '../failure.ts';
import { messageFilter } from './filter.ts';
import { colouredJson } from './json-colours.ts';
import { checkCommand, queueOf, type ListenWords } from './listen-options.ts';
import { eventWords, resultWords } from './listen-words.ts';
import { recordJson } from './message-record.ts';
import { quota } from '../quota.ts';
import { depthOf, lag, rate } from '../rate.ts';
import { screen, type Output } from '../screen.ts';

/** Lines are still printed one after the other. Several at a time keep the pipe full. */
const LINES_UNDER_WAY = 100;
/** The user decides how many commands run at a time, because a command may be anything. */
const COMMANDS_AT_A_TIME = 1;

/**
 * `tcw pulse listen`: prints messages, or runs a command for each, until it is stopped.
 *
 * A message is acknowledged when its line has been written or its command has succeeded. If `listen` stops before that,
 * the message is returned to the queue. The first signal stops it in an orderly way, the second at once.
 */
export async function listen(
  exchange: string | undefined,
  patterns: readonly string[],
  words: ListenWords,
  stdout: Output,
  stderr: Output,
): Promise<number> {
  const bindings = bindingsOf({ exchange, patterns, more: words.bind ?? [], dialect: words.dialect });
  const queue = queueOf(words);
  checkCommand(words);

  const stop$ = new ReplaySubject<void>(1);
  const stop = () => {
    places.close();
    stop$.next();
  };
  const places = quota(words.count ?? Infinity, stop);
  const done = rate();
  let pulse: Pulse | undefined;
  let depth: () => number | undefined = () => undefined;
  const live = () => done.words() + (pulse ? lag(pulse.gauges(), depth()) : ', connecting');
  const out = screen(stdout, stderr, words.quiet ? undefined : live);
  const say = (text: string | undefined) => {
    if (text !== undefined) out.say(text);
  };
  const cleanUp = new Subscription();
  try {
    const wanted = messageFilter(words.filter, reason => {
      say(`--filter speaks of what a message has not (${reason}): it is left out, and others like it`);
    });
    const command = words.exec === undefined ? undefined : commandRunner(words.exec);
    cleanUp.add(
      shutdownSignals().subscribe(how => {
        if (how === 'force') {
          out.close();
          command?.kill();
          process.exit(PULSE_EXIT_CODES.interrupted.code);
        }
        stop();
        if (command && command.running > 0) say('waiting for what runs; a second signal kills it');
      }),
    );
    let lost: NodeJS.ErrnoException | undefined;
    const onLost = (error: NodeJS.ErrnoException) => {
      lost ??= error;
      stop();
    };
    stdout.on('error', onLost);
    cleanUp.add(() => stdout.off('error', onLost));

    pulse = await openPulse(words, stop$);
    if (words.timeout !== undefined) cleanUp.add(longTimer(words.timeout * 1_000).subscribe(stop));
    const named = queue.ephemeral ? undefined : pulse.queue(queue);
    if (named && stderr.isTTY) depth = depthOf(named, cleanUp);

    const print: Work = async (record, _, message) => {
      const json = recordJson(record, message, words.pretty && 2);
      const written = await out.print(`${out.colours ? colouredJson(json) : json}\n`);
      // A message whose line could not be written goes back to the queue for another consumer.
      if (!written) message.requeue();
      return undefined;
    };
    const onEvent = (event: ConsumerEvent | HandleEvent) => {
      if (event.type !== 'consuming' || !words.quiet) say(eventWords(event, bindings));
    };
    let givenUp = 0;
    await lastValueFrom(
      pulse.consume({ queue, bindings, until$: stop$, onEvent }).pipe(
        handle(dealing(wanted, places, command?.run ?? print), {
          concurrency: command ? (words.concurrency ?? COMMANDS_AT_A_TIME) : LINES_UNDER_WAY,
          ...(words.attempts !== undefined && { retry: { attempts: words.attempts } }),
          onEvent,
        }),
        tap(result => {
          if (result.outcome === 'acked') done.count();
          if (result.outcome === 'rejected' || result.outcome === 'dead-lettered') givenUp++;
          if (command) say(resultWords(result));
        }),
      ),
      { defaultValue: undefined },
    );
    if (named && !words.quiet) {
      say(`${named.name} is kept and goes on filling; tcw pulse queue delete ${words.queue ?? ''} ends that`);
    }
    if (lost !== undefined && lost.code !== 'EPIPE') {
      throw new Failure(
        PULSE_EXIT_CODES.unavailable.code,
        `standard output cannot be written: ${lost.message}`,
      );
    }
    const missed = words.count !== undefined && places.done < words.count && lost === undefined;
    return missed || givenUp > 0 ? PULSE_EXIT_CODES.notAllDone.code : PULSE_EXIT_CODES.done.code;
  } catch (error) {
    throw pulseFailure(error, bindings.map(({ exchange }) => meantExchange(exchange, error)).join(''));
  } finally {
    cleanUp.unsubscribe();
    await pulse?.close();
    out.close();
  }
}

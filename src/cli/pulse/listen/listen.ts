import { lastValueFrom, ReplaySubject, Subscription, tap } from 'rxjs';
import { handle, type ConsumerEvent, type HandleEvent, type Pulse } from '../../../pulse/index.ts';
import { shutdownSignals, longTimer } from '../../../streams/index.ts';
import { PULSE_EXIT_CODES } from '../../words/exit-codes.ts';
import { Failure } from '../../words/failure.ts';
import { bindingsOf } from '../bindings.ts';
import { openPulse } from '../connection.ts';
import { listenHandler, type Work } from './listen-handler.ts';
import { exchangeSuggestion } from '../exchange-names.ts';
import { commandRunner } from './exec.ts';
import { pulseFailure } from '../failure.ts';
import { messageFilter } from './filter.ts';
import { colouredJson } from './json-colours.ts';
import { checkCommand, queueOf, type ListenOptions } from './listen-options.ts';
import { eventMessage, resultMessage } from './listen-messages.ts';
import { recordJson } from './message-record.ts';
import { quota } from '../quota.ts';
import { depthOf, backlogText, rate } from '../rate.ts';
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
  options: ListenOptions,
  stdout: Output,
  stderr: Output,
): Promise<number> {
  const bindings = bindingsOf({ exchange, patterns, more: options.bind ?? [], dialect: options.dialect });
  const queue = queueOf(options);
  checkCommand(options);

  const stop$ = new ReplaySubject<void>(1);
  const stop = () => {
    messages.close();
    stop$.next();
  };
  const messages = quota(options.count ?? Infinity, stop);
  const done = rate();
  let pulse: Pulse | undefined;
  let depth: () => number | undefined = () => undefined;
  const live = () => done.text() + (pulse ? backlogText(pulse.gauges(), depth()) : ', connecting');
  const out = screen(stdout, stderr, options.quiet ? undefined : live);
  const say = (text: string | undefined) => {
    if (text !== undefined) out.say(text);
  };
  const cleanUp = new Subscription();
  try {
    const wanted = messageFilter(options.filter, reason => {
      say(
        `--filter uses a value that a message does not have (${reason}): this message and others like it are skipped`,
      );
    });
    const command = options.exec === undefined ? undefined : commandRunner(options.exec);
    cleanUp.add(
      shutdownSignals().subscribe(how => {
        if (how === 'force') {
          out.close();
          command?.kill();
          process.exit(PULSE_EXIT_CODES.interrupted.code);
        }
        stop();
        if (command && command.running > 0) say('waiting for running commands; a second signal kills them');
      }),
    );
    let lost: NodeJS.ErrnoException | undefined;
    const onLost = (error: NodeJS.ErrnoException) => {
      lost ??= error;
      stop();
    };
    stdout.on('error', onLost);
    cleanUp.add(() => stdout.off('error', onLost));

    pulse = await openPulse(options, stop$);
    if (options.timeout !== undefined) cleanUp.add(longTimer(options.timeout * 1_000).subscribe(stop));
    const named = queue.ephemeral ? undefined : pulse.queue(queue);
    if (named && stderr.isTTY) depth = depthOf(named, cleanUp);

    const print: Work = async (record, _, message) => {
      const json = recordJson(record, message, options.pretty && 2);
      const written = await out.print(`${out.colours ? colouredJson(json) : json}\n`);
      // A message whose line could not be written goes back to the queue for another consumer.
      if (!written) message.requeue();
      return undefined;
    };
    const onEvent = (event: ConsumerEvent | HandleEvent) => {
      if (event.type !== 'consuming' || !options.quiet) say(eventMessage(event, bindings));
    };
    let givenUp = 0;
    await lastValueFrom(
      pulse.consume({ queue, bindings, until$: stop$, onEvent }).pipe(
        handle(listenHandler(wanted, messages, command?.run ?? print), {
          concurrency: command ? (options.concurrency ?? COMMANDS_AT_A_TIME) : LINES_UNDER_WAY,
          ...(options.attempts !== undefined && { retry: { attempts: options.attempts } }),
          onEvent,
        }),
        tap(result => {
          if (result.outcome === 'acked') done.count();
          if (result.outcome === 'rejected' || result.outcome === 'dead-lettered') givenUp++;
          if (command) say(resultMessage(result));
        }),
      ),
      { defaultValue: undefined },
    );
    if (named && !options.quiet) {
      say(
        `${named.name} is kept and continues to fill; tcw pulse queue delete ${options.queue ?? ''} deletes it`,
      );
    }
    if (lost !== undefined && lost.code !== 'EPIPE') {
      throw new Failure(
        PULSE_EXIT_CODES.unavailable.code,
        `standard output cannot be written: ${lost.message}`,
      );
    }
    const missed = options.count !== undefined && messages.done < options.count && lost === undefined;
    return missed || givenUp > 0 ? PULSE_EXIT_CODES.notAllDone.code : PULSE_EXIT_CODES.done.code;
  } catch (error) {
    throw pulseFailure(error, bindings.map(({ exchange }) => exchangeSuggestion(exchange, error)).join(''));
  } finally {
    cleanUp.unsubscribe();
    await pulse?.close();
    out.close();
  }
}

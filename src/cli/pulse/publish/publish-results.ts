import type { PublishResult } from '../../../pulse/index.ts';
import { PULSE_EXIT_CODES } from '../../words/exit-codes.ts';
import type { FoundBody } from './bodies.ts';
import { exchangeSuggestion } from '../exchange-names.ts';
import { publishExitCode } from '../failure.ts';
import { printable, printableJson } from '../printable.ts';
import type { PublishCommandOptions } from './publish-options.ts';
import { countText } from '../rate.ts';
import type { Screen } from '../screen.ts';

/** Reports the result of each message and keeps the totals. */
export interface ResultPrinter {
  /** Resolves to false if all further messages would fail in the same way. */
  print(found: FoundBody, result: PublishResult): Promise<boolean>;
  summary(): void;
  /** The exit code for the first message that was not confirmed. */
  exitCode(): number;
}

/** Errors of the exchange or the user, which every further message would meet too. */
const FINAL = new Set(['forbidden', 'not-found', 'credentials', 'vhost', 'closed']);

export function resultPrinter(
  exchange: string,
  key: string,
  { json, quiet }: PublishCommandOptions,
  out: Screen,
): ResultPrinter {
  let all = 0;
  let confirmed = 0;
  let exitCode: number | undefined;
  return {
    print: async ({ line }, result) => {
      all++;
      const where = { ...(line !== undefined && { line }), exchange, routingKey: key };
      if (result.status === 'confirmed') {
        confirmed++;
        if (json) await out.print(`${printableJson({ ...where, status: result.status })}\n`);
        else if (!quiet) await out.print(`${linePrefix(line)}confirmed: ${exchange} ${printable(key)}\n`);
        return true;
      }
      const { status, error } = result;
      exitCode ??= status === 'expired' ? PULSE_EXIT_CODES.notAllDone.code : publishExitCode(error.kind);
      const message = printable(error.message);
      if (json) await out.print(`${printableJson({ ...where, status, kind: error.kind, error: message })}\n`);
      out.say(`${linePrefix(line)}${status}: ${message}${exchangeSuggestion(exchange, error)}`);
      return !FINAL.has(error.kind);
    },
    summary: () => {
      if (!quiet || confirmed < all)
        out.say(`${confirmed.toLocaleString('en')} of ${countText(all, 'message')} confirmed`);
    },
    exitCode: () => exitCode ?? PULSE_EXIT_CODES.done.code,
  };
}

function linePrefix(line: number | undefined): string {
  return line === undefined ? '' : `line ${line}: `;
}

import type { Command, Help, HelpConfiguration } from 'commander';
import { EXIT_CODES } from './exit-codes.ts';

/**
 * The column width for flags: wide enough for most. A longer flag has its own line, so that the text fits into 80
 * columns.
 */
const TERM_WIDTH = 28;
const INDENT = '  ';

/** The layout of all help texts of tcw. */
export const helpLayout: HelpConfiguration = {
  padWidth(command: Command, helper: Help) {
    const terms = [
      ...helper.visibleOptions(command).map(option => helper.optionTerm(option)),
      ...helper.visibleCommands(command).map(sub => helper.subcommandTerm(sub)),
    ];
    return Math.max(...terms.map(term => term.length).filter(length => length <= TERM_WIDTH));
  },
  formatItem(term, termWidth, description, helper) {
    const width = (helper.helpWidth ?? 80) - termWidth - 2 * INDENT.length;
    const lines = helper.boxWrap(description, width).split('\n');
    const beside =
      term.length <= termWidth ? `${term.padEnd(termWidth)}${INDENT}${lines.shift() ?? ''}` : term;
    const below = lines.map(line => `${' '.repeat(termWidth)}${INDENT}${line}`);
    return [beside, ...below].map(line => `${INDENT}${line}`.trimEnd()).join('\n');
  },
};

/** Lists exit codes with their meanings, one per line. */
export function exitCodeLines(
  codes: Readonly<Record<string, { readonly code: number; readonly when: string }>>,
): string {
  const all = Object.values(codes);
  const width = Math.max(...all.map(({ code }) => String(code).length));
  return all.map(({ code, when }) => `  ${String(code).padStart(width)}  ${when}`).join('\n');
}

/** The text below the properties in the help of `tcw run`. */
export const RUN_EPILOGUE = `
Examples:
  tcw run -c worker.yml
  tcw run -c worker.yml --check
  tcw run -c worker.yml --capacity 4 --engine docker

Sources of a property; a later one overrides an earlier one:
  built-in default
  TASKCLUSTER_ROOT_URL, TASKCLUSTER_CLIENT_ID, TASKCLUSTER_ACCESS_TOKEN,
  TASKCLUSTER_CERTIFICATE, PULSE_URL
  file given with --config, JSON or YAML, with names like rootURL
  variable: TCW_ROOT_URL
  flag: --root-url (other users of the machine can see a command line:
  give secrets in a file or a variable)

Exit codes:
${exitCodeLines(EXIT_CODES)}`;

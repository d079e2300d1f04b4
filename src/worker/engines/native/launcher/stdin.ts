import { randomBytes } from 'node:crypto';
import { makePipe } from './anonymous-pipe.ts';
import { shellQuoted } from '../../../../base/index.ts';

/** Descriptors of the shell that becomes the command: a pipe, and the end of it from which the command reads. */
const [PIPE, READER] = [5, 6];

/** Redirects a command's standard input to the descriptor from {@link openStdin}. */
export const FROM_STDIN = `<&${READER} ${READER}<&-`;

/**
 * Lines for the shell that becomes the command. They open a descriptor from which the command can read a text. The text
 * appears in no program's arguments and, with /proc, in no file.
 *
 * With /proc, a separate shell writes the text into a pipe. That shell is a member of the run without a parent in it.
 * It ends when everything was read, when no reader is left, or with the run. Without /proc (macOS), the text is a
 * here-document, which adds a newline at the end.
 */
export function openStdin(text: string): string {
  const end = `END_${randomBytes(16).toString('hex')}`;
  return `
      if [ -e /proc/self/fd/0 ]; then
        ${makePipe(PIPE)}
        exec ${READER}</proc/self/fd/${PIPE}
        ( { exec 3>&- 4>&- ${READER}<&- >/proc/self/fd/${PIPE} 2>/dev/null ${PIPE}<&-; ${printed(text)}; } & )
        exec ${PIPE}<&-
      else
        exec ${READER}<<'${end}'
${text.replaceAll('\0', '')}
${end}
      fi`;
}

/** Shell words cannot contain a NUL, but every shell can print one. */
function printed(text: string): string {
  return text
    .split('\0')
    .map(part => `printf %s ${shellQuoted(part)}`)
    .join(String.raw` && printf '\000' && `);
}

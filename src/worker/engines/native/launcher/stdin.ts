import { randomBytes } from 'node:crypto';
import { makePipe } from './anonymous-pipe.ts';
import { shellQuoted } from '../../../../base/index.ts';

/** The descriptors of the shell that becomes a command: a pipe, and the end of it that the command reads. */
const [PIPE, READER] = [5, 6];

/** Gives a command what {@link openStdin} has made. */
export const FROM_STDIN = `<&${READER} ${READER}<&-`;

/**
 * Lines for the shell that becomes a command: they make something that the command can read a text from. The text is
 * among no program's arguments, and in no file.
 *
 * A shell of its own writes into a pipe, as a member of the run that is nobody's child: it ends when all was read, when
 * nobody can read any more, or with the run. Where there is no /proc (macOS), the text is a here-document, which ends
 * with a new line.
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

/** No shell has a NUL in a word, but each can print one. */
function printed(text: string): string {
  return text
    .split('\0')
    .map(part => `printf %s ${shellQuoted(part)}`)
    .join(String.raw` && printf '\000' && `);
}

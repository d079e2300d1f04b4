import { StringDecoder } from 'node:string_decoder';
import type { Readable } from 'node:stream';
import { Observable } from 'rxjs';

/** A line without its line ending. Undefined stands for a line that was too long and is left out. */
export type Line = string | undefined;

/**
 * Emits the lines of a stream until it ends or breaks. Text after the last line ending counts as a line too, because
 * its writer may have died in the middle of it.
 *
 * @param longest the length limit in characters; a longer line is not kept in memory
 */
export function linesOf(input: Readable, longest: number): Observable<Line> {
  return new Observable(subscriber => {
    const decoder = new StringDecoder('utf8');
    let rest = '';
    let isTooLong = false;
    const end = (line: string) => {
      const whole = rest + line;
      subscriber.next(isTooLong || whole.length > longest ? undefined : whole);
      rest = '';
      isTooLong = false;
    };
    const take = (text: string) => {
      const lines = text.split('\n');
      const last = lines.pop() ?? '';
      for (const line of lines) end(line);
      if (rest.length + last.length > longest) {
        isTooLong = true;
        rest = '';
      }
      if (!isTooLong) rest += last;
    };
    const onData = (chunk: Buffer) => {
      take(decoder.write(chunk));
    };
    const onEnd = () => {
      take(decoder.end());
      if (rest !== '' || isTooLong) end('');
      subscriber.complete();
    };
    // A stream that breaks also emits 'close'.
    const onError = () => undefined;
    input.on('data', onData).on('end', onEnd).on('close', onEnd).on('error', onError);
    return () => {
      input.off('data', onData).off('end', onEnd).off('close', onEnd);
    };
  });
}

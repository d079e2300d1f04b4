import { once } from 'node:events';
import { expect, onTestFinished } from 'vitest';
import type { Terminal, TerminalCommand } from '../../src/worker/engines/engine.ts';
import { waitFor } from '../wait-for.ts';
import { ENV, open, type Opened } from './open-subject.ts';
import type { Promised, Subject } from './subject.ts';

interface Opening extends Opened {
  readonly terminal: Terminal;
  /** The output so far. */
  readonly shown: () => string;
}

const SIZE = { rows: 30, columns: 100 };

/** Opens a terminal that runs a line of shell, beside a command that sleeps. */
async function openTerminal(
  subject: Subject,
  line: string,
  env: TerminalCommand['env'] = {},
): Promise<Opening> {
  const opened = await open(subject);
  opened.run(subject.words.sleep(600_000)).catch(() => undefined);
  const command = { argv: ['sh', '-c', line], env: { ...ENV, ...env }, size: SIZE };
  // An engine with containers can open a terminal only while the command runs.
  const terminal = await waitFor(async () => {
    const found = await opened.sandbox.openTerminal?.(command);
    if (!found) throw new Error('no terminal');
    return found;
  });
  onTestFinished(() => terminal[Symbol.asyncDispose]());
  let text = '';
  terminal.stream.on('data', (chunk: Buffer) => (text += chunk.toString()));
  return { ...opened, terminal, shown: () => text };
}

/** The contract of all engines that can open terminals. */
export const TERMINAL_CONTRACT: readonly Promised[] = [
  {
    says: 'a terminal is a tty of the requested size, and returns the exit code',
    needs: 'terminals',
    check: async subject => {
      // A Docker engine sets the size shortly after the start of the program.
      const line =
        'test -t 0 && test -t 1 && test -t 2 || exit 9; until test "$(stty size 2>&1)" = "30 100"; do sleep 0.1; done; stty size; ' +
        'read -r word; stty size; echo "[$word]"; exit 5';
      const { terminal, shown } = await openTerminal(subject, line);
      await waitFor(() => {
        expect(shown()).toContain('30 100');
      });
      terminal.resize({ rows: 41, columns: 123 });
      // With a Docker engine, nothing reports when the new size is in effect.
      await new Promise(resolve => setTimeout(resolve, 300));
      terminal.stream.write('hällo\n');
      expect(await terminal.ended).toBe(5);
      expect(shown()).toContain('41 123');
      expect(shown()).toContain('[hällo]');
    },
  },
  {
    says: 'Ctrl-C in a terminal interrupts its program',
    needs: 'terminals',
    check: async subject => {
      const line = 'trap "echo caught; exit 6" INT; echo ready; while :; do sleep 0.1; done';
      const { terminal, shown } = await openTerminal(subject, line);
      await waitFor(() => {
        expect(shown()).toContain('ready');
      });
      terminal.stream.write('\x03');
      expect(await terminal.ended).toBe(6);
      expect(shown()).toContain('caught');
    },
  },
  {
    says: 'a program in a terminal gets exactly its environment, and starts in the folder of the run',
    needs: 'terminals',
    check: async subject => {
      const ODD = `a 'b' "c" $d \\ ü`;
      const line = 'printf "%s|%s|%s\\n" "$ODD" "$TERM" "$(pwd -P)"';
      const { terminal, shown, folder } = await openTerminal(subject, line, { ODD, TERM: 'xterm-256color' });
      expect(await terminal.ended).toBe(0);
      expect(shown().trim()).toBe(`${ODD}|xterm-256color|${folder}`);
    },
  },
  {
    says: 'the whole output of a terminal arrives before its end, even if it is read slowly',
    needs: 'terminals',
    check: async subject => {
      const { terminal } = await openTerminal(subject, 'stty -opost; head -c 3000000 /dev/zero; printf end');
      terminal.stream.removeAllListeners('data').pause();
      let bytes = 0;
      let last = '';
      terminal.stream.on('readable', () => undefined);
      const reading = (async () => {
        for await (const chunk of terminal.stream) {
          bytes += (chunk as Buffer).length;
          last = (chunk as Buffer).toString('latin1').slice(-3);
          await new Promise(resolve => setTimeout(resolve, 3));
        }
      })();
      expect(await terminal.ended).toBe(0);
      await reading;
      expect([bytes, last]).toEqual([3_000_003, 'end']);
    },
  },
  {
    says: 'a terminal ends with the sandbox, even if its program ignores signals',
    needs: 'terminals',
    check: async subject => {
      const { terminal, shown, sandbox } = await openTerminal(
        subject,
        "trap '' HUP TERM INT; echo ready; while :; do sleep 0.1; done",
      );
      await waitFor(() => {
        expect(shown()).toContain('ready');
      });
      const ended = Promise.all([terminal.ended, once(terminal.stream, 'close')]);
      await sandbox.close();
      expect((await ended)[0]).toBeGreaterThan(128);
      await expect(sandbox.openTerminal?.({ argv: ['sh'], env: ENV, size: SIZE })).rejects.toThrow('stopped');
    },
  },
  {
    says: 'an interactive shell does not delay a stop',
    needs: 'terminals',
    check: async subject => {
      const { terminal, shown, sandbox } = await openTerminal(subject, 'PS1=ready sh -i');
      await waitFor(() => {
        expect(shown()).toContain('ready');
      });
      const start = performance.now();
      await sandbox.stop(600_000);
      await terminal.ended;
      expect(performance.now() - start).toBeLessThan(60_000);
    },
  },
];

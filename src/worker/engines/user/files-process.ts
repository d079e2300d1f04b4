// The process that opens the files of a run. user-files.ts starts it as root, in the run's mount namespace.
import { createInterface } from 'node:readline';
import type { FileHandle } from 'node:fs/promises';
import { hostFiles } from '../../files/host-files.ts';
import { lineOf, PATHS_AT_ONCE, type FilesAnswer, type FilesQuestion } from './files-protocol.ts';

const [, , uid = '', groups = '', home = '/'] = process.argv;

// Everything is loaded. From here on, the process has only the task's rights. Because it changed its user, no process of
// that user can trace or inspect it (prctl(2), PR_SET_DUMPABLE).
if (uid !== '0') {
  process.setgroups?.(groups.split(',').filter(Boolean).map(Number));
  process.setgid?.(Number(uid));
  process.setuid?.(Number(uid));
  if (process.getuid?.() === 0 || process.geteuid?.() === 0) throw new Error('this process is still root');
}

const files = hostFiles(home);
const open = new Map<number, FileHandle>();
const walks = new Map<number, AsyncGenerator<string, void, undefined>>();

async function answerTo(question: FilesQuestion): Promise<FilesAnswer> {
  const { id } = question;
  switch (question.ask) {
    case 'open': {
      const opened = await files.open(question.path);
      if (opened.kind === 'unreadable') {
        const { message, code } = opened.error as NodeJS.ErrnoException;
        return { id, kind: 'unreadable', message, code };
      }
      if (opened.kind !== 'file') return { id, kind: opened.kind };
      // Files of this machine are file handles.
      const handle = opened.source as FileHandle;
      open.set(handle.fd, handle);
      return { id, kind: 'file', descriptor: handle.fd, file: opened.file };
    }
    case 'close':
      await open.get(question.descriptor)?.close();
      open.delete(question.descriptor);
      return { id, kind: 'closed' };
    case 'walk': {
      const walk = walks.get(question.walk) ?? files.walk(question.path);
      walks.set(question.walk, walk);
      const paths: string[] = [];
      while (paths.length < PATHS_AT_ONCE) {
        const next = await walk.next();
        if (next.done) {
          walks.delete(question.walk);
          return { id, kind: 'paths', paths, done: true };
        }
        paths.push(next.value);
      }
      return { id, kind: 'paths', paths, done: false };
    }
  }
}

const say = (answer: FilesAnswer) => void process.stdout.write(lineOf(answer));

createInterface({ input: process.stdin }).on('line', line => {
  const question = JSON.parse(line) as FilesQuestion;
  answerTo(question).then(say, (error: unknown) => {
    const { message, code } = error as NodeJS.ErrnoException;
    say({ id: question.id, kind: 'failed', message, code });
  });
});

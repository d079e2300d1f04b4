import { createHash } from 'node:crypto';
import { mkdir, open, writeFile } from 'node:fs/promises';
import { join } from 'node:path';

const LINES = 64 * 1024;

/** Returns text like a build log, which gzip compresses to about a fifth. */
export function buildLog(): Buffer {
  const lines: string[] = [];
  for (let line = 0; line < LINES; line++) {
    const word = createHash('md5').update(String(line)).digest('hex');
    const seconds = (line / 7).toFixed(3);
    lines.push(
      `[task ${seconds}] build/objects/${word.slice(0, 6)}/source_${line % 97}.o: compiled in ${word.slice(6, 9)} ms, 0 warnings`,
    );
  }
  return Buffer.from(`${lines.join('\n')}\n`);
}

/** Writes a text file of about this many bytes. @returns its size */
export async function writeText(file: string, bytes: number): Promise<number> {
  const text = buildLog();
  await using handle = await open(file, 'w');
  let size = 0;
  while (size < bytes) {
    await handle.write(text);
    size += text.length;
  }
  return size;
}

/** Creates a directory with `count` files of `bytes` bytes each, one hundred in each of its subdirectories. */
export async function writeTree(folder: string, count: number, bytes: number): Promise<void> {
  const text = buildLog();
  for (let index = 0; index < count; index++) {
    const below = join(folder, String(Math.floor(index / 100)));
    if (index % 100 === 0) await mkdir(below, { recursive: true });
    const from = (index * 977) % Math.max(1, text.length - bytes);
    await writeFile(join(below, `file-${index}.txt`), text.subarray(from, from + bytes));
  }
}

import { execa } from 'execa';
import { fileURLToPath } from 'node:url';
import { canInstallPackages, installPackage } from './install-package.ts';

/**
 * Compiles a C program for tests. On Debian, as root, it installs the compiler if needed.
 *
 * @throws Error that says what to install
 */
export async function compile(source: URL, program: string, ...options: readonly string[]): Promise<void> {
  const words = [...options, '-o', program, fileURLToPath(source)];
  const first = await execa('cc', words, { reject: false });
  if (!first.failed) return;
  if (!canInstallPackages()) {
    throw new Error(`The tests need a C compiler (cc) and the C library's headers: ${first.message}`);
  }
  for (const name of ['gcc', 'libc6-dev']) await installPackage(name);
  await execa('cc', words);
}

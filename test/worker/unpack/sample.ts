/** About a megabyte of text, from which fixtures/make.sh made the compressed fixtures. */
export function sampleText(): string {
  let text = '';
  for (let i = 0; i < 20_000; i++) text += `${i < 2000 ? i : i % 97} ${'x'.repeat(i % 97)}\n`;
  return text;
}

if (import.meta.main) process.stdout.write(sampleText());

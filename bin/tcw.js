#!/usr/bin/env node
// Plain JavaScript, so that a Node too old for the rest can still say so in one line.
import { existsSync, readFileSync } from 'node:fs';

const here = import.meta.url;
const { engines } = JSON.parse(readFileSync(new URL('../package.json', here), 'utf8'));
const needed = engines.node.replace('>=', '').split('.').map(Number);
const running = process.versions.node.split('.').map(Number);
const difference = needed.map((part, i) => running[i] - part).find(d => d !== 0) ?? 0;

if (difference < 0) {
  console.error(
    `tcw: needs Node.js ${engines.node}, and this is ${process.versions.node} (${process.execPath}); install a newer Node.js.`,
  );
  process.exit(69);
}

// A checkout runs its TypeScript as it is; the published package holds only what was built from it.
const source = new URL('../src/cli/main.ts', here);
const built = new URL('../dist/cli/main.js', here);
const { main } = await import((existsSync(source) ? source : built).href);
process.exitCode = await main(process.argv.slice(2));

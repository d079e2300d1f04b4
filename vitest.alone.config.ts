import { defineConfig } from 'vitest/config';
import { aloneTests } from './test/harness/alone.ts';
import base from './vitest.config.ts';

export default defineConfig({
  test: { ...base.test, include: aloneTests, exclude: [], fileParallelism: false },
});

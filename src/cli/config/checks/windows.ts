import { PROPERTIES } from '../../../worker/config/index.ts';
import type { Settings } from '../source.ts';

const WINDOWS_PATH = /^[A-Za-z]:[\\/]/;

/** Describes in one line why a configuration with Windows paths cannot work on another platform. */
export function windowsProblems(settings: Settings, platform: string = process.platform): string[] {
  if (platform === 'win32') return [];
  const paths = [...settings].filter(([name, { value }]) => {
    const type = PROPERTIES.get(name)?.type;
    return (type === 'directory' || type === 'file') && WINDOWS_PATH.test(String(value));
  });
  const [first] = paths;
  if (first === undefined) return [];
  const names = paths.map(([name, { value }]) => `${name} is ${String(value)}`).join(', ');
  return [
    `${first[1].place}: this configuration is for a Windows worker (${names}), and tcw has no engine for Windows yet; ` +
      `on this machine, give paths that begin with /`,
  ];
}

/** Terminals of this machine, in which people type. */
export { hasPty, openPty, type OpenPty, type PtyStart } from './open-pty.ts';

/** Interactive terminals on this machine. */
export { hasPty, openPty, type OpenPty, type PtyStart } from './open-pty.ts';

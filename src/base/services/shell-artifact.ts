/** The artifact that links to a task's shell. Workers create it; the web UI and `tcw shell` look for it. */
export const SHELL_ARTIFACT = 'private/generic-worker/shell.html';

/** The artifact that leads to the shell of a task: workers create it, and the web UI and `tcw shell` look for it. */
export const SHELL_ARTIFACT = 'private/generic-worker/shell.html';

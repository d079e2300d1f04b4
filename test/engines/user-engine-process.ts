// A worker in a separate process. It makes a user, starts a command that sleeps, prints both, and waits to be killed.
import path from 'node:path';
import { Writable } from 'node:stream';
import { userEngine } from '../../src/worker/engines/user/index.ts';
import { makeRunFolder } from '../../src/worker/files/run-folder.ts';

const [, , tasksDir = '', userIds = '', accounts, marker = ''] = process.argv;
const engine = await userEngine({
  tasksDir,
  userIds,
  accounts: accounts === 'machine' ? 'machine' : 'private',
});
const home = await makeRunFolder(path.join(tasksDir, 'run'));
const user = await engine.makeUser({ home, runName: 'task_SUDDENDEATHxxxxxxxxxxx_0' });
const sandbox = await engine.open({ home, user });
process.stdout.write(`${JSON.stringify({ name: user.name, state: user.place.state })}\n`);
const output = new Writable({ write: (_chunk, _encoding, done) => done() });
await sandbox.run({ argv: ['sleep', marker], env: { PATH: '/usr/bin:/bin' }, output });

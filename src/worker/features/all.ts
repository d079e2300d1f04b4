import { newEd25519Key, readEd25519Key } from '../../base/index.ts';
import { artifacts } from './artifacts/artifacts.ts';
import { chainOfTrust } from './chain-of-trust/chain-of-trust.ts';
import { container } from './container/container.ts';
import { encryptedEnv } from './encrypted-env/encrypted-env.ts';
import { disk } from './disk.ts';
import { env } from './env.ts';
import { exitStatus } from './exit-status.ts';
import type { FeatureModule } from './feature.ts';
import { image } from './image/image.ts';
import { interactive } from './interactive/interactive.ts';
import { liveLog } from './live-log/live-log.ts';
import { logNameCheck, logs } from './logs.ts';
import { maxRunTime } from './max-run-time.ts';
import { mounts } from './mounts/mounts.ts';
import { resources } from './resources/resources.ts';
import { script } from './script.ts';
import { metadata } from './metadata.ts';
import { osGroups } from './os-groups.ts';
import { taskclusterProxy } from './proxy/taskcluster-proxy.ts';
import { runTaskAsCurrentUser } from './run-task-as-current-user.ts';
import { supersederUrl } from './superseder-url.ts';
import { temporaryFolder } from './temporary-folder.ts';
import { hideCmdWindow, loopbackAudio, loopbackVideo, rdpInfo, runAsAdministrator } from './unavailable.ts';

/**
 * All features, in the order in which they are asked and started. They finish, and are disposed of, in reverse: the log is
 * uploaded last.
 */
export const FEATURES = [
  logs,
  logNameCheck,
  // Begins before anything that takes long.
  liveLog,
  disk,
  supersederUrl,
  interactive,
  loopbackAudio,
  loopbackVideo,
  hideCmdWindow,
  runAsAdministrator,
  rdpInfo,
  runTaskAsCurrentUser,
  osGroups,
  metadata,
  temporaryFolder,
  env,
  encryptedEnv,
  maxRunTime,
  exitStatus,
  container(),
  image,
  mounts,
  script,
  chainOfTrust(),
  artifacts,
  resources,
  // The first to finish.
  taskclusterProxy,
] as const;

/**
 * The same for a worker of one session, such as one on a developer's machine: its chain of trust is signed with a key that is
 * made now, and is in no file.
 */
export function featuresOfOneSession(): readonly FeatureModule[] {
  const own = chainOfTrust({ ed25519: readEd25519Key(newEd25519Key()) });
  return FEATURES.map(each => (each.name === own.name ? own : each));
}

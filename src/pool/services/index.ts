export { launchdPlist } from './launchd-plist.ts';
export { stateDirectory, type Service } from './service.ts';
export { systemdUnit } from './systemd-unit.ts';
export { windowsCommands } from './windows-commands.ts';

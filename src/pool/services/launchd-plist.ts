import { stopSecs, type Service } from './service.ts';

/**
 * Returns the property list of a macOS launch daemon.
 *
 * launchd only distinguishes success and failure of exit codes. It therefore also restarts a worker that was idle or
 * misconfigured, every 30 s.
 */
export function launchdPlist(service: Service): string {
  const { name, command, user, directory, path } = service;
  // launchd interprets 0 as "no limit".
  const stop = stopSecs(service) ?? 0;
  const log = `/var/log/${name}.log`;
  const entries = [
    ['Label', text(name)],
    ['ProgramArguments', `<array>\n${command.map(word => `      ${text(word)}`).join('\n')}\n    </array>`],
    ['WorkingDirectory', text(directory)],
    ...(user === undefined ? [] : [['UserName', text(user)]]),
    ...(path === undefined
      ? []
      : [['EnvironmentVariables', `<dict>\n      <key>PATH</key>\n      ${text(path)}\n    </dict>`]]),
    ['RunAtLoad', '<true/>'],
    ['KeepAlive', '<dict>\n      <key>SuccessfulExit</key>\n      <false/>\n    </dict>'],
    ['ThrottleInterval', '<integer>30</integer>'],
    ['ExitTimeOut', `<integer>${stop}</integer>`],
    // With the default, macOS may slow the tasks down in favor of a person's programs.
    ['ProcessType', text('Interactive')],
    [
      'SoftResourceLimits',
      '<dict>\n      <key>NumberOfFiles</key>\n      <integer>65536</integer>\n    </dict>',
    ],
    ['StandardOutPath', text(log)],
    ['StandardErrorPath', text(log)],
  ];
  return `<?xml version="1.0" encoding="UTF-8"?>
<!DOCTYPE plist PUBLIC "-//Apple//DTD PLIST 1.0//EN" "http://www.apple.com/DTDs/PropertyList-1.0.dtd">
<plist version="1.0">
  <dict>
${entries.map(([key, value]) => `    <key>${key}</key>\n    ${value}`).join('\n')}
  </dict>
</plist>
`;
}

function text(value: string): string {
  return `<string>${value.replaceAll('&', '&amp;').replaceAll('<', '&lt;').replaceAll('>', '&gt;')}</string>`;
}

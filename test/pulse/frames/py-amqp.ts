import { execa } from 'execa';
import { existsSync } from 'node:fs';
import { canInstallPackages, installPackage } from '../../harness/install-package.ts';

/** Debian's own Python, which its packages are for. */
const PYTHON = '/usr/bin/python3';

const isInstalled = async () =>
  existsSync(PYTHON) && !(await execa(PYTHON, ['-c', 'import amqp'], { reject: false })).failed;

/** Whether Debian's py-amqp is there, the AMQP library of Celery and kombu. Installs it where that is possible. */
export async function hasPyAmqp(): Promise<boolean> {
  if (await isInstalled()) return true;
  if (canInstallPackages()) await installPackage('python3-amqp');
  return isInstalled();
}

/** Publishes a message with headers that are written in Python. */
const PUBLISH = `
import sys, datetime, decimal, amqp
host, user, password, exchange, body, headers = sys.argv[1:]
with amqp.Connection(host=host, userid=user, password=password) as connection:
    channel = connection.channel()
    message = amqp.Message(body, application_headers=eval(headers), content_type='application/json')
    channel.basic_publish_confirm(message, exchange=exchange, routing_key='from.python')
`;

export async function publishFromPython(
  url: string,
  exchange: string,
  body: unknown,
  headers: string,
): Promise<void> {
  const { host, username, password } = new URL(url);
  await execa(PYTHON, [
    ...['-c', PUBLISH, host],
    ...[username, password].map(decodeURIComponent),
    ...[exchange, JSON.stringify(body), headers],
  ]);
}

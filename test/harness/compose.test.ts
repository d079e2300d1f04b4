import { existsSync, readFileSync } from 'node:fs';
import { dirname, resolve } from 'node:path';
import { fileURLToPath } from 'node:url';
import { expect, it } from 'vitest';
import { parse } from 'yaml';

// Without a Docker engine, no other test reads this file.
const path = fileURLToPath(new URL('../../docker-compose.test.yml', import.meta.url));
const { services, ...rest } = parse(readFileSync(path, 'utf8')) as {
  services: {
    rabbitmq: { image: string; ports: string[]; volumes: string[]; healthcheck: { test: string[] } };
  };
};

it('the compose file has one service, which the harness requests by its name', () => {
  expect(Object.keys(services)).toEqual(['rabbitmq']);
  expect(rest).toEqual({});
});

it('the compose file pins the exact version of a RabbitMQ 4', () => {
  expect(services.rabbitmq.image).toMatch(/^rabbitmq:4\.\d+\.\d+-alpine$/);
});

it('the service listens on loopback only, on a port that the engine chooses', () => {
  expect(services.rabbitmq.ports).toEqual(['127.0.0.1::5672']);
});

it('the service mounts existing files, read-only, where RabbitMQ looks for them', () => {
  const mounts = services.rabbitmq.volumes.map(volume => volume.split(':'));
  expect(mounts.map(([, target, mode]) => [target, mode])).toEqual([
    ['/etc/rabbitmq/definitions.json', 'ro'],
    ['/etc/rabbitmq/conf.d/90-tcw-test.conf', 'ro'],
  ]);
  for (const [source = ''] of mounts) expect(existsSync(resolve(dirname(path), source))).toBe(true);
});

it('the service is healthy when clients can connect', () => {
  expect(services.rabbitmq.healthcheck.test).toContain('check_port_connectivity');
});

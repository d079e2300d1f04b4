import { expect, it } from 'vitest';
import { refusedCredentials } from '../../src/cli/run/worker-credentials.ts';
import { ServiceError } from '../../src/taskcluster/index.ts';
import { workerConfig } from '../worker/unit/worker-config.ts';

const refusal = new ServiceError('refused', 'Bad mac');

it('tells a worker that registered itself how to fix refused credentials, which nobody has configured', () => {
  const registrationFile = '/var/lib/tcw/registration.json';
  const messageFor = (provider: 'static' | 'aws') =>
    refusedCredentials({ ...workerConfig(), provider, registrationFile }, refusal).message;
  expect(messageFor('static')).toContain('create it again; otherwise delete /var/lib/tcw/registration.json');
  expect(messageFor('aws')).toContain('a cloud machine cannot register again, so replace it');
  for (const provider of ['static', 'aws'] as const) {
    expect(messageFor(provider)).toContain('the queue refuses the credentials that worker-manager gave');
    expect(messageFor(provider)).not.toContain('correct clientId');
  }
});

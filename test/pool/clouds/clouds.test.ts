import { createServer } from 'node:net';
import { once } from 'node:events';
import type { AddressInfo } from 'node:net';
import { EnvHttpProxyAgent, getGlobalDispatcher, setGlobalDispatcher } from 'undici';
import { describe, expect, it, onTestFinished } from 'vitest';
import { validator } from '../../../src/base/index.ts';
import { connectCloud, type CloudName } from '../../../src/pool/clouds/index.ts';
import { metadataService } from '../../../src/pool/clouds/metadata-service.ts';
import { notes } from '../registration/joining.ts';
import { awsMachine } from './aws-machine.ts';
import { metadataServer, type Answer, type MetadataServer } from './metadata-server.ts';

const { signal } = new AbortController();
const BOOTSTRAP = {
  rootUrl: 'https://tc.example.com',
  workerPoolId: 'proj-x/pool',
  providerId: 'community-tc',
  workerGroup: 'us-central1-a',
};
const TOKEN = 'aaa.bbb.ccc';

const google = (answers: Record<string, Answer> = {}) =>
  metadataServer(
    Object.entries({
      '/computeMetadata/v1/instance/attributes/taskcluster': JSON.stringify({
        ...BOOTSTRAP,
        rootUrl: `${BOOTSTRAP.rootUrl}/`,
      }),
      '/computeMetadata/v1/instance/id': '4242',
      '/computeMetadata/v1/instance/zone': 'projects/1/zones/us-central1-a',
      '/computeMetadata/v1/instance/machine-type': 'projects/1/machineTypes/n2',
      '/computeMetadata/v1/instance/network-interfaces/0/ip': '10.1.1.1',
      '/computeMetadata/v1/instance/service-accounts/default/identity?audience=https%3A%2F%2Ftc.example.com&format=full':
        TOKEN,
      ...answers,
    }),
    ({ headers }) => (headers['metadata-flavor'] === 'Google' ? undefined : 403),
  );

const compute = {
  name: 'vm-abc',
  vmId: 'id-1',
  vmSize: 'Standard_F8s_v2',
  location: 'eastus',
  tagsList: [
    { name: 'root-url', value: 'https://tc.example.com' },
    { name: 'worker-pool-id', value: 'proj-x/pool' },
    { name: 'provider-id', value: 'azure2' },
    { name: 'worker-group', value: 'eastus' },
  ],
};
const network = (...ipAddress: object[]) => ({ interface: [{ ipv4: { ipAddress } }] });
const azure = (answers: Record<string, Answer> = {}) =>
  metadataServer(
    Object.entries({
      '/metadata/instance?api-version=2025-04-07': JSON.stringify({
        compute,
        network: network({ privateIpAddress: '10.0.0.4', publicIpAddress: '' }),
      }),
      '/metadata/attested/document?api-version=2025-04-07': JSON.stringify({
        encoding: 'pkcs7',
        signature: 'MIIabc=',
      }),
      ...answers,
    }),
    ({ headers }) => (headers.metadata === 'true' ? undefined : 400),
  );

const connected = (name: CloudName, { url }: MetadataServer) => connectCloud(name, url, notes().note);
/** What worker-manager takes as a registration. */
const problemsOf = validator('taskcluster/worker-manager/v1/register-worker-request.json');

describe('a machine of Google Cloud', () => {
  it('identifies itself, even without a public address', async () => {
    await using server = await google();
    const { provider } = connected('google', server);
    const { identity, location, machine, metadata } = await provider.identify(signal);
    expect(identity).toEqual({ ...BOOTSTRAP, workerId: '4242' });
    expect(location).toEqual({ cloud: 'google', region: 'us-central1', zone: 'us-central1-a' });
    expect(machine).toMatchObject({
      publicIP: undefined,
      privateIP: '10.1.1.1',
      instanceType: 'projects/1/machineTypes/n2',
    });
    expect(metadata).toMatchObject({ 'instance-id': '4242', zone: 'us-central1-a' });
    const workerIdentityProof = await provider.prove(identity, signal);
    expect(workerIdentityProof).toEqual({ token: TOKEN });
    const { rootUrl: _, ...worker } = identity;
    expect(problemsOf({ ...worker, workerIdentityProof })).toEqual([]);
  });

  it.each([
    [
      'an attribute that is not there',
      { '/computeMetadata/v1/instance/attributes/taskcluster': respond(404) },
      /attribute taskcluster of the machine is missing/,
    ],
    [
      'an attribute that is not JSON',
      { '/computeMetadata/v1/instance/attributes/taskcluster': 'hello' },
      /attribute taskcluster of the machine is not a JSON object/,
    ],
    [
      'another scheme',
      {
        '/computeMetadata/v1/instance/attributes/taskcluster': JSON.stringify({
          ...BOOTSTRAP,
          rootUrl: 'file:///etc',
        }),
      },
      /rootUrl in the attribute taskcluster is not valid/,
    ],
    [
      'a port that there is not',
      {
        '/computeMetadata/v1/instance/attributes/taskcluster': JSON.stringify({
          ...BOOTSTRAP,
          rootUrl: 'https://tc.example.com:99999',
        }),
      },
      /rootUrl in the attribute taskcluster is not valid/,
    ],
    [
      'an invalid pool',
      {
        '/computeMetadata/v1/instance/attributes/taskcluster': JSON.stringify({
          ...BOOTSTRAP,
          workerPoolId: '../x',
        }),
      },
      /workerPoolId in the attribute taskcluster is not valid/,
    ],
    [
      'a number for a name',
      {
        '/computeMetadata/v1/instance/attributes/taskcluster': JSON.stringify({
          ...BOOTSTRAP,
          providerId: 1,
        }),
      },
      /providerId in the attribute taskcluster is missing or not a string/,
    ],
  ])('does not register with %s', async (_, answers: Record<string, Answer>, message) => {
    await using server = await google(answers);
    await expect(connected('google', server).provider.identify(signal)).rejects.toThrow(message);
  });
});

describe('a machine of Azure', () => {
  it('identifies itself by its tags', async () => {
    await using server = await azure();
    const { provider } = connected('azure', server);
    const { identity, location, machine } = await provider.identify(signal);
    expect(identity).toEqual({
      ...BOOTSTRAP,
      providerId: 'azure2',
      workerGroup: 'eastus',
      workerId: 'vm-abc',
    });
    expect(location).toEqual({ cloud: 'azure', region: 'eastus' });
    expect(machine).toEqual({
      publicIP: undefined,
      privateIP: '10.0.0.4',
      instanceType: 'Standard_F8s_v2',
      region: 'eastus',
    });
    const workerIdentityProof = await provider.prove(identity, signal);
    const { rootUrl: _, ...worker } = identity;
    expect(problemsOf({ ...worker, workerIdentityProof })).toEqual([]);
    expect(workerIdentityProof).toEqual({ document: 'MIIabc=' });
  });

  it('has no public address if it has several', async () => {
    const two = network({ privateIpAddress: '10.0.0.4' }, { privateIpAddress: '10.0.0.5' });
    await using server = await azure({
      '/metadata/instance?api-version=2025-04-07': JSON.stringify({ compute, network: two }),
    });
    const { machine } = await connected('azure', server).provider.identify(signal);
    expect(machine).toMatchObject({ publicIP: undefined, privateIP: undefined });
  });
});

it('a token of AWS is requested once, and again when it is rejected', async () => {
  const machine = awsMachine();
  await using server = await machine.start(BOOTSTRAP);
  const { service } = connected('aws', server);
  const ask = () => service.ask({ path: '/latest/meta-data/public-ipv4' }, signal);
  await ask();
  await ask();
  const tokens = () => server.asked.filter(asked => asked.startsWith('PUT')).length;
  expect(tokens()).toBe(1);
  server.answers.set('/latest/meta-data/public-ipv4', respond(401));
  await expect(ask()).rejects.toThrow('401');
  server.answers.set('/latest/meta-data/public-ipv4', '198.51.100.1');
  expect(await ask()).toBe('198.51.100.1');
  expect(tokens()).toBe(2);
});

describe('a metadata service', () => {
  const service = (url: string, patienceMs = 0) =>
    metadataService({
      cloud: 'AWS',
      url,
      timeoutMs: 300,
      note: notes().note,
      backoff: { baseMs: 1, capMs: 5 },
      patienceMs,
    });

  it('may not redirect', async () => {
    await using elsewhere = await metadataServer([['/x', 'secret']]);
    await using server = await metadataServer([
      ['/x', (_, response) => response.writeHead(302, { location: `${elsewhere.url}/x` }).end()],
    ]);
    await expect(service(server.url).ask({ path: '/x' }, signal)).rejects.toThrow('the answer is 302');
    expect(elsewhere.asked).toEqual([]);
  });

  it('is called directly even if Node uses a proxy', async () => {
    await using server = await metadataServer([['/x', 'here']]);
    await using proxy = await metadataServer([[`${server.url}/x`, "the proxy's machine"]]);
    const before = getGlobalDispatcher();
    // As NODE_USE_ENV_PROXY=1 and HTTP_PROXY do it.
    setGlobalDispatcher(new EnvHttpProxyAgent({ httpProxy: proxy.url, noProxy: '' }));
    onTestFinished(() => {
      setGlobalDispatcher(before);
    });
    expect(await service(server.url).ask({ path: '/x' }, signal)).toBe('here');
    expect(proxy.asked).toEqual([]);
  });

  it('is not read beyond a limit', async () => {
    await using server = await metadataServer([
      [
        '/x',
        (_, response) => {
          const more = () => {
            while (response.writable && response.write(Buffer.alloc(65_536)));
          };
          response.on('drain', more);
          more();
        },
      ],
    ]);
    const { ask } = metadataService({ cloud: 'AWS', url: server.url, timeoutMs: 60_000, note: notes().note });
    await expect(ask({ path: '/x' }, signal)).rejects.toThrow('the answer is longer than 512 KiB');
  });

  it.each([
    ['never answers', () => undefined],
    ['stops in the middle', (_, response) => response.writeHead(200).write('x')],
  ] satisfies [string, Answer][])('that %s fails in time', async (_, answer) => {
    await using server = await metadataServer([['/x', answer]]);
    await expect(service(server.url).ask({ path: '/x' }, signal)).rejects.toThrow('no answer in time');
  });

  it('that does not speak HTTP fails', async () => {
    const server = createServer(socket => socket.end('SSH-2.0-OpenSSH\r\n'));
    server.listen(0, '127.0.0.1');
    await once(server, 'listening');
    const { port } = server.address() as AddressInfo;
    const asking = service(`http://127.0.0.1:${port}`).ask({ path: '/x' }, signal);
    await expect(asking).rejects.toThrow(/Expected HTTP/);
    server.close();
  });

  it('is called again while it is not ready, but not if it refuses', async () => {
    let left = 3;
    await using server = await metadataServer([
      ['/late', (_, response) => (left-- > 0 ? response.writeHead(503).end() : response.end('here'))],
      ['/never', respond(403)],
    ]);
    const { askWithRetries } = service(server.url, 60_000);
    expect(await askWithRetries({ path: '/late' }, signal)).toBe('here');
    await expect(askWithRetries({ path: '/never' }, signal)).rejects.toThrow(
      /does not answer \/never: the answer is 403; is this a machine of AWS\?/,
    );
    expect(server.asked).toHaveLength(5);
  });
});

function respond(status: number): Answer {
  return (_, response) => response.writeHead(status).end();
}

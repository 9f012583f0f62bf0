/**
 * A real archive for tests: Debian's orthanc with orthanc-dicomweb, in a folder of its own, on a free port of loopback.
 * Plain http: its own TLS crashes at the first connection.
 */
import { spawn } from 'node:child_process';
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

export const orthancProgram = '/usr/sbin/Orthanc';
export const orthancPlugin = '/usr/share/orthanc/plugins/libOrthancDicomWeb.so';

async function freePort() {
  const server = createServer();
  await new Promise(resolve => server.listen(0, '127.0.0.1', resolve));
  const { port } = server.address();
  await new Promise(resolve => server.close(resolve));
  return port;
}

/** Started once it answers; stop() ends the process and removes the folder. */
export async function startOrthanc() {
  const folder = await mkdtemp(join(tmpdir(), 'radpass-orthanc-'));
  const port = await freePort();
  const configuration = {
    StorageDirectory: join(folder, 'db'),
    IndexDirectory: join(folder, 'db'),
    HttpPort: port,
    RemoteAccessAllowed: false,
    DicomServerEnabled: false,
    OverwriteInstances: true,
    Plugins: [orthancPlugin],
    DicomWeb: { Enable: true, Root: '/dicom-web/', EnableWado: false },
  };
  await writeFile(join(folder, 'orthanc.json'), JSON.stringify(configuration));
  const api = `http://127.0.0.1:${port}`;
  const process = spawn(orthancProgram, [join(folder, 'orthanc.json'), `--logfile=${join(folder, 'log')}`], {
    stdio: 'ignore',
  });
  const ended = new Promise(resolve => process.once('exit', resolve));
  const stop = async () => {
    process.kill('SIGKILL');
    await ended;
    await rm(folder, { recursive: true, force: true });
  };
  const ask = async (path, init) => {
    const answer = await fetch(api + path, init);
    if (!answer.ok) throw new Error(`Orthanc answers ${answer.status} to ${path}`);
    return answer.json();
  };
  for (let tries = 0; ; tries += 1) {
    try {
      await ask('/system');
      break;
    } catch (cause) {
      if (process.exitCode === null && tries < 300) await new Promise(resolve => setTimeout(resolve, 50));
      else {
        const log = await readFile(join(folder, 'log'), 'utf8').catch(() => '');
        await stop();
        throw new Error(`Orthanc does not start: ${log.slice(-2000)}`, { cause });
      }
    }
  }
  return {
    api,
    dicomweb: `${api}/dicom-web`,
    put: async bytes => void (await ask('/instances', { method: 'POST', body: bytes })),
    remove: async sopInstanceUID => {
      for (const { ID, Type } of await ask('/tools/lookup', { method: 'POST', body: sopInstanceUID })) {
        if (Type === 'Instance') await ask(`/instances/${ID}`, { method: 'DELETE' });
      }
    },
    clear: async () => {
      for (const id of await ask('/patients')) await ask(`/patients/${id}`, { method: 'DELETE' });
    },
    stop,
  };
}

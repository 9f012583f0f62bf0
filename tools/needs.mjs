/**
 * What a test needs from outside the repository: test data, the JDK, a browser.
 * Absent: skipped by name with the reason. Absent but listed in RADPASS_REQUIRE (comma-separated): fails.
 */
import { spawnSync } from 'node:child_process';
import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { orthancPlugin, orthancProgram } from './orthanc.mjs';
import { root } from './run.mjs';

export const dataDir = process.env.RADPASS_DATA ?? join(root, '..', 'shared', 'data');

const folder = name => ({ there: () => existsSync(join(dataDir, name)), reason: `no folder ../shared/data/${name}` });
const program = (name, args) => ({
  there: () => spawnSync(name, args, { stdio: 'ignore' }).status === 0,
  reason: `no ${name} on this machine`,
});
const kinds = {
  vectors: folder('vectors'),
  dicom: folder('dicom'),
  ihe: folder('ihe'),
  jdk: program('javac', ['-version']),
  xmllint: program('xmllint', ['--version']),
  openssl: program('openssl', ['version']),
  zeep: program('/usr/bin/python3', ['-c', 'import zeep, lxml, cryptography']),
  gsoap: program('soapcpp2', ['-V']),
  jaxws: { there: () => existsSync('/usr/share/java/jaxws-tools.jar'), reason: 'no JAX-WS on this machine' },
  orthanc: {
    there: () => existsSync(orthancProgram) && existsSync(orthancPlugin),
    reason: 'no orthanc with orthanc-dicomweb on this machine',
  },
  dcmtk: program('dcmconv', ['--version']),
  nginx: { there: () => existsSync('/usr/sbin/nginx'), reason: 'no nginx on this machine' },
  rsyslog: {
    there: () =>
      ['/usr/lib/x86_64-linux-gnu', '/usr/lib/aarch64-linux-gnu', '/usr/lib64'].some(lib =>
        existsSync(join(lib, 'rsyslog', 'lmnsd_ossl.so')),
      ),
    reason: 'no rsyslog with OpenSSL on this machine',
  },
  chromium: { there: () => existsSync('/usr/bin/chromium'), reason: 'no chromium on this machine' },
};
const required = new Set((process.env.RADPASS_REQUIRE ?? '').split(',').filter(Boolean));

/** `needs('vectors').describe(name, body)`, with jest's own describe handed in. */
export function needs(kind, describe) {
  const { there, reason } = kinds[kind];
  if (there() || required.has(kind)) return describe;
  return (name, body) => describe.skip(`${name} [skipped: ${reason}]`, body);
}

/**
 * For tests: an audit repository (Debian's rsyslogd) on a loopback port, with TLS, which takes records from the client
 * whose certificate says gateway.example, and from nobody else.
 */
import { execFileSync, spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, readFileSync, writeFileSync } from 'node:fs';
import { connect, createServer } from 'node:net';
import { join } from 'node:path';

/** An authority with certificates for `collector`, `gateway` and 127.0.0.1, and one of another authority for `stranger`. */
export function makeCertificates(folder) {
  const openssl = args => execFileSync('openssl', args.split(' '), { cwd: folder, stdio: 'ignore' });
  for (const ca of ['ca', 'other']) {
    openssl(`req -x509 -newkey ed25519 -nodes -days 2 -subj /CN=${ca} -keyout ${ca}.key -out ${ca}.crt`);
  }
  const signedBy = { collector: 'ca', gateway: 'ca', stranger: 'other' };
  for (const [name, ca] of Object.entries(signedBy)) {
    const names = name === 'collector' ? 'DNS:localhost,IP:127.0.0.1' : `DNS:${name}.example`;
    writeFileSync(join(folder, `${name}.ext`), `subjectAltName=${names}\n`);
    openssl(`req -newkey ed25519 -nodes -subj /CN=${name}.example -keyout ${name}.key -out ${name}.csr`);
    const authority = `-CA ${ca}.crt -CAkey ${ca}.key -CAcreateserial`;
    openssl(`x509 -req -in ${name}.csr ${authority} -days 2 -extfile ${name}.ext -out ${name}.crt`);
  }
}

export class Collector {
  #folder;
  #process;
  port = 0;

  constructor(folder) {
    this.#folder = folder;
    makeCertificates(folder);
  }

  async start() {
    if (this.port === 0) this.port = await freePort();
    const at = name => join(this.#folder, name);
    const line = '%syslogfacility% %syslogseverity% %hostname% %app-name% %procid% %msgid% %msg%\\n';
    writeFileSync(
      at('rsyslog.conf'),
      `global(workDirectory="${this.#folder}" maxMessageSize="64k"
        defaultNetstreamDriverCAFile="${at('ca.crt')}"
        defaultNetstreamDriverCertFile="${at('collector.crt')}"
        defaultNetstreamDriverKeyFile="${at('collector.key')}")
      module(load="imtcp" streamDriver.name="ossl" streamDriver.mode="1" streamDriver.authMode="x509/name"
        permittedPeer=["gateway.example"])
      template(name="line" type="string" string="${line}")
      input(type="imtcp" address="127.0.0.1" port="${this.port}" ruleset="audit")
      ruleset(name="audit") { action(type="omfile" file="${at('received')}" template="line") }\n`,
    );
    const args = ['-n', '-f', at('rsyslog.conf'), '-i', at('rsyslogd.pid')];
    this.#process = spawn('/usr/sbin/rsyslogd', args, { stdio: 'ignore' });
    await reachable(this.port);
  }

  async stop() {
    const process = this.#process;
    if (process === undefined) return;
    this.#process = undefined;
    process.kill('SIGTERM');
    await once(process, 'exit');
  }

  received() {
    const path = join(this.#folder, 'received');
    return existsSync(path) ? readFileSync(path, 'utf8').split('\n').filter(Boolean) : [];
  }

  /** What was received, once it is `count` records, or after ten seconds. */
  async waitFor(count) {
    for (let i = 0; i < 200 && this.received().length < count; i++) await pause(50);
    return this.received();
  }

  /** A program's `audit` setting, with the certificate of `client`. */
  setting(client = 'gateway') {
    const at = name => join(this.#folder, name);
    return { syslog: `127.0.0.1:${this.port}`, ca: at('ca.crt'), cert: at(`${client}.crt`), key: at(`${client}.key`) };
  }
}

export async function freePort() {
  const server = createServer().listen(0, '127.0.0.1');
  await once(server, 'listening');
  const { port } = server.address();
  await new Promise(resolve => server.close(resolve));
  return port;
}

async function reachable(port) {
  for (let i = 0; i < 200; i++) {
    const socket = connect(port, '127.0.0.1');
    const open = await once(socket, 'connect').then(
      () => true,
      () => false,
    );
    socket.destroy();
    if (open) return;
    await pause(50);
  }
  throw new Error('the collector does not listen');
}

const pause = ms => new Promise(resolve => setTimeout(resolve, ms));

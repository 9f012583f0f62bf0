/**
 * `radpass-requester serve`: the local repository on a loopback port. A consumer can carry a token nowhere but in the
 * URL, so the token is a part of it: the URL is a secret of this machine's user, kept in `serve.token` beside the inbox.
 */
import { mkdir, rm, stat } from 'node:fs/promises';
import type { IncomingMessage, ServerResponse } from 'node:http';
import { join } from 'node:path';
import { isLoopback, listenHttp, localPathRefusal, localToken, splitAddress, UsageError } from '@radpass/client/node';
import { serviceDescription } from '@radpass/xds';
import { type ConnectSettings, httpExchange, limitServer } from '@radpass/xds/node';
import type { Grants } from './grantedDocument.js';
import { createLocalRepository, type LocalOutcome } from './localRepository.js';

export interface ServeInit {
  home: string;
  /** HOST:PORT on loopback. */
  listen: string;
  openInbox: () => Promise<Grants>;
  connect: ConnectSettings;
  onOutcome: (outcome: LocalOutcome) => void;
}

/** @throws UsageError for an address beyond loopback */
export async function serve(p: ServeInit): Promise<{ url: string; close: () => Promise<void> }> {
  if (!isLoopback(splitAddress(p.listen).host)) throw new UsageError(`${p.listen}: serve listens on loopback only`);
  const token = await localToken(join(p.home, 'serve.token'));
  const waiting = join(p.home, 'serve-waiting');
  await rm(waiting, { recursive: true, force: true }); // what a crash left
  await mkdir(waiting, { mode: 0o700 });
  const inbox = currentInbox(join(p.home, 'inbox'), p.openInbox);
  await inbox(); // a wrong passphrase shows now
  const repository = createLocalRepository({ ...p, inbox, waiting });
  let url = '';
  const listening = await listenHttp({
    address: p.listen,
    handler: async (request, response) => {
      if (refused(request, response, token)) return;
      if (request.method === 'GET' && /\?wsdl$/i.test(request.url ?? '')) {
        return void response.setHeader('content-type', 'text/xml').end(serviceDescription(url));
      }
      const exchange = await httpExchange(request, response);
      if (exchange !== null) await repository.handle(exchange);
    },
    prepare: limitServer,
  });
  url = `${listening.url}/${token}/iti43`;
  return { url, close: listening.close };
}

/** Pages in a browser and other users of this machine get nothing. */
function refused(request: IncomingMessage, response: ServerResponse, token: string): boolean {
  const why = localPathRefusal(request, token);
  const path = (request.url ?? '').replace(/\?.*$/, '');
  if (why === null && path.endsWith('/iti43')) return false;
  response.writeHead(why === null || why === 'token' ? 404 : 403, { 'content-length': '0' }).end();
  return true;
}

/** The inbox as other commands left it last: opened anew when its file was replaced. */
function currentInbox(file: string, open: () => Promise<Grants>): () => Promise<Grants> {
  let version = '';
  let inbox: Promise<Grants> | undefined;
  return async () => {
    const { ino, mtimeMs } = await stat(file).catch(() => ({ ino: 0, mtimeMs: 0 }));
    const found = `${ino} ${mtimeMs}`;
    if (inbox === undefined || found !== version) inbox = open();
    version = found;
    try {
      return await inbox;
    } catch (error) {
      inbox = undefined;
      throw error;
    }
  };
}

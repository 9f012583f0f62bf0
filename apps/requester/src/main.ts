/** radpass-requester: the commands of whoever was allowed to see studies. */
import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { homedir } from 'node:os';
import { join } from 'node:path';
import { Inbox, LightNodes, type RecordStore } from '@radpass/client';
import {
  loadConfiguration,
  type nodeFetch,
  nodesOfList,
  printJson,
  readCheckpoint,
  recordFile,
  runCommandLine,
  UsageError,
  untilSignal,
  versionBeside,
} from '@radpass/client/node';
import { parsePublicKey } from '@radpass/core';
import type { ConnectSettings } from '@radpass/xds/node';
import { Command } from 'commander';
import { z } from 'zod';
import type { RequesterAudit } from './audit.js';
import { RequesterError } from './errors.js';

const configSchema = z.strictObject({
  /** HTTP APIs of nodes, comma-separated: asked one after the other, none believed. */
  node: z.string(),
  /** A block to begin at: the file of a checkpoint, or SLOT:BLOCKID. */
  checkpoint: z.string().optional(),
  /** Where the inbox keeps its record. */
  home: z.string(),
  /** PEM file of an authority to trust beside the system's. */
  ca: z.string().optional(),
  /** Connect to sources at private and loopback addresses, too (a hospital's own network, trials). */
  allowPrivate: z.boolean().default(false),
  insecurePlainKey: z.boolean().default(false),
  /** HOST:PORT of the audit repository (syslog over TLS), the authority that signed it, and the own certificate: PEM files. */
  audit: z.strictObject({ syslog: z.string(), ca: z.string(), cert: z.string(), key: z.string() }).optional(),
  /** Forward proxy for the way to hospitals and to a node elsewhere: http://[user:password@]HOST:PORT. */
  outbound: z.strictObject({ proxy: z.string() }).optional(),
  /** PEM files of the certificate for hospitals that ask for one. */
  clientCertificate: z.strictObject({ cert: z.string(), key: z.string() }).optional(),
  /** DICOMweb root of the own archive, and headers for it (Authorization, for instance). */
  stow: z.strictObject({ url: z.string(), headers: z.record(z.string(), z.string()).optional() }).optional(),
});

/** Other repositories need no ledger. */
const fetchSchema = configSchema.extend({ node: z.string().optional() });

type AuditConfig = NonNullable<z.output<typeof configSchema>['audit']>;

const program = new Command('radpass-requester')
  .description(
    'Receives the imaging studies that patients allowed you to see, straight from the hospitals that hold them.',
  )
  .version(versionBeside(import.meta.url))
  .option('--config <file>', 'configuration (JSON)')
  .option('--home <dir>', 'where the inbox keeps its record')
  .option('--node <urls>', 'HTTP APIs of nodes, comma-separated; their proofs are checked')
  .option('--checkpoint <name>', 'begin at this block, where trust is too old: a file, or SLOT:BLOCKID')
  .option('--ca <file>', "authority to trust beside the system's (PEM)")
  .option('--allow-private', 'connect to sources at private addresses, too')
  .option('--insecure-plain-key', 'do not encrypt the record (trials only)')
  .option('--json', 'print one JSON object')
  .exitOverride()
  .configureHelp({ showGlobalOptions: true });

function settings(flags: Record<string, unknown> = {}): z.output<typeof configSchema> {
  return settingsBy(configSchema, flags);
}

function settingsBy<T extends z.ZodObject>(schema: T, flags: Record<string, unknown> = {}): z.output<T> {
  const { config, home, node, checkpoint, ca, allowPrivate, insecurePlainKey } = program.opts();
  return loadConfiguration(schema, {
    file: config,
    envPrefix: 'RADPASS_REQUESTER',
    flags: {
      home: home ?? process.env.RADPASS_REQUESTER_HOME ?? join(homedir(), '.radpass-requester'),
      node,
      checkpoint,
      ca,
      allowPrivate,
      insecurePlainKey,
      ...flags,
    },
  });
}

function openInbox(p: z.output<typeof configSchema>, store = storeOf(p)): Promise<Inbox> {
  mkdirSync(p.home, { recursive: true, mode: 0o700 });
  const nodes = nodesOfList(p.node, { ...(p.ca ? { ca: readFileSync(p.ca, 'utf8') } : {}), tunnel: tunnelOf(p) });
  const begin = p.checkpoint === undefined ? undefined : readCheckpoint(p.checkpoint);
  const now = (): number => Date.now();
  return Inbox.open({
    store,
    node: nodes[0],
    light: record => LightNodes.open({ ...record, nodes, checkpoint: begin, now }),
    now,
  });
}

/** The inbox's record; it asks for its passphrase once. */
function storeOf(p: z.output<typeof configSchema>): RecordStore {
  return recordFile(join(p.home, 'inbox'), { kind: 'inbox', plain: p.insecurePlainKey });
}

type Tunnel = NonNullable<Parameters<typeof nodeFetch>[0]>['tunnel'];

function tunnelOf({ outbound }: z.output<typeof configSchema>): Tunnel {
  if (!outbound) return undefined;
  return async (host, port) => {
    const { openTunnel, parseProxy } = await import('@radpass/xds/node');
    return await openTunnel(parseProxy(outbound.proxy), host, port);
  };
}

/** Where studies come from. */
function connectOf(p: z.output<typeof fetchSchema>): ConnectSettings {
  const { ca, clientCertificate: own, outbound } = p;
  return {
    allowPrivate: p.allowPrivate,
    ...(ca ? { ca: readFileSync(ca, 'utf8') } : {}),
    ...(own ? { cert: readFileSync(own.cert, 'utf8'), key: readFileSync(own.key, 'utf8') } : {}),
    ...(outbound ? { proxy: outbound.proxy } : {}),
  };
}

/** Print a result: the object with --json, else the sentence. */
function say(result: object, sentence: string): void {
  if (program.opts().json) printJson(result);
  else process.stdout.write(`${sentence}\n`);
}

const grantNumber = (text: string): number => {
  const value = Number(text);
  if (!Number.isSafeInteger(value) || value < 1)
    throw new UsageError(`${text}: expected a grant's number, as inbox shows it`);
  return value;
};

program
  .command('card')
  .description('a card with fresh keys, for a patient to allow')
  .requiredOption('--label <text>', 'what the patient should read, e.g. your name and practice')
  .option('--out <file>', 'write the card there')
  .action(async options => {
    const inbox = await openInbox(settings());
    const made = await inbox.card(options.label);
    if (options.out) writeFileSync(options.out, `${made.card}\n`);
    say(
      made,
      `${options.out ? `${options.out}: written` : made.card}\nthe patient's screen must show these words: ${made.words.join(' ')}`,
    );
  });

program
  .command('inbox')
  .description('what patients allowed you to see')
  .action(async () => {
    const inbox = await openInbox(settings());
    const grants = await inbox.grants();
    const lines = grants.map(({ grant, state, label, retrieved, recordNumber, source }) =>
      [grant, state, label, source?.url ?? 'source closed', retrieved ? 'retrieved' : 'new', recordNumber ?? '']
        .join('  ')
        .trim(),
    );
    say({ grants }, lines.length > 0 ? lines.join('\n') : 'nothing yet');
  });

program
  .command('assign')
  .description("remember a patient key's local medical record number; it stays on this machine")
  .requiredOption('--patient <key>', 'the patient key, as inbox shows it')
  .requiredOption('--record <number>', 'the local medical record number')
  .action(async options => {
    const inbox = await openInbox(settings());
    await inbox.setRecordNumber(parsePublicKey(options.patient), options.record);
    say({ ok: true }, 'remembered');
  });

program
  .command('retrieve')
  .description('fetch a study from the hospital that holds it')
  .option('--grant <n>', 'number of the grant', grantNumber)
  .option('--all', 'everything allowed that was not retrieved yet')
  .requiredOption('--out <dir>', 'folder for the studies')
  .option('--stow <url>', 'deliver into this archive, too (DICOMweb root; STOW-RS)')
  .action(async options => {
    if (!options.grant === !options.all) throw new UsageError('give either --grant or --all');
    // Only this command needs transfer and imaging, which take a while to load.
    const { retrieveGrant } = await import('./retrieve.js');
    const { checkStowUrl } = await import('./stow.js');
    const p = settings({ 'stow.url': options.stow });
    if (p.stow) checkStowUrl(p.stow.url);
    const audit = p.audit && (await openAudit(p.home, p.audit));
    const inbox = await openInbox(p);
    const wanted = options.all
      ? (await inbox.grants()).filter(grant => grant.state === 'allowed' && !grant.retrieved)
      : [await inbox.grant(options.grant)];
    const connect = connectOf(p);
    const stow = p.stow && { ...p.stow, ca: connect.ca };
    const failures: unknown[] = [];
    for (const grant of wanted) {
      try {
        const retrieved = await retrieveGrant(grant, {
          inbox,
          out: options.out,
          connect,
          audit,
          stow,
          onProgress: progress(),
          onBusy: () => process.stderr.write(`grant ${grant.grant}: not ready yet, asking again\n`),
        });
        say(retrieved, `grant ${grant.grant}: ${retrieved.files.length} files in ${retrieved.out}`);
      } catch (error) {
        // One hospital that fails keeps nobody from the others' studies.
        failures.push(error);
      }
    }
    await endAudit(audit);
    if (failures.length > 0) throw failures[0];
    if (wanted.length === 0) say({ retrieved: 0 }, 'nothing new');
  });

program
  .command('fetch')
  .description("documents of another hospital's XDS.b repository, unsigned: nothing but TLS vouches for them")
  .requiredOption('--url <url>', "the repository's ITI-43 endpoint (https)")
  .requiredOption('--repository <id>', 'its repositoryUniqueId')
  .requiredOption('--document <ids...>', 'documentUniqueIds, 1 to 64')
  .option('--community <id>', 'homeCommunityId, where the repository wants one')
  .requiredOption('--out <dir>', 'a new folder for the documents')
  .action(async options => {
    const [{ maxDocuments }, { fetchDocuments }] = await Promise.all([import('@radpass/xds'), import('./fetch.js')]);
    const p = settingsBy(fetchSchema);
    const documents = [...new Set<string>(options.document)].map(documentUniqueId => ({
      repositoryUniqueId: options.repository,
      documentUniqueId,
      ...(options.community ? { homeCommunityId: options.community } : {}),
    }));
    if (documents.length > maxDocuments) {
      throw new UsageError(`--document: at most ${maxDocuments} documents at a time`);
    }
    const audit = p.audit && (await openAudit(p.home, p.audit));
    try {
      const { url, out } = options;
      const fetched = await fetchDocuments({ url, documents, out, connect: connectOf(p), audit });
      const lines = fetched.map(
        ({ documentUniqueId, path, errors }) => `${documentUniqueId}  ${path ?? errors.join(' ')}`,
      );
      say({ documents: fetched }, lines.join('\n'));
      const missing = fetched.filter(({ path }) => path === null).length;
      if (missing > 0)
        throw new RequesterError({ code: 'REQUESTER_MISSING', missing }, `${missing} documents did not come`);
    } finally {
      await endAudit(audit);
    }
  });

program
  .command('serve')
  .description('a local ITI-43 endpoint that signs for consumers that cannot')
  .option('--listen <address>', 'HOST:PORT on loopback; port 0 takes a free one', '127.0.0.1:8643')
  .action(async options => {
    const { serve } = await import('./serve.js');
    const p = settings();
    const store = storeOf(p);
    const audit = p.audit && (await openAudit(p.home, p.audit));
    const told = async (number: number, failure: string | null): Promise<void> => {
      const inbox = await openInbox(p, store);
      await audit?.imported(await inbox.grant(number), failure);
    };
    const serving = await serve({
      home: p.home,
      listen: options.listen,
      openInbox: () => openInbox(p, store),
      connect: connectOf(p),
      onOutcome: outcome => {
        const { grant = 'none', code = '' } = outcome;
        say({ event: 'retrieval', ...outcome }, `grant ${grant}: ${outcome.outcome} ${code}`.trimEnd());
        if (!audit || outcome.grant === undefined) return;
        told(outcome.grant, outcome.outcome === 'delivered' ? null : code).catch((error: unknown) => {
          say({ event: 'audit', code: String(error) }, `audit: ${error}`);
        });
      },
    });
    say(
      { event: 'ready', pid: process.pid, url: serving.url },
      `ready: ITI-43 at ${serving.url} (whoever knows this URL gets what you may see; its WSDL at ?wsdl)`,
    );
    await untilSignal();
    await serving.close();
    await audit?.stop();
    say({ event: 'stopped' }, 'stopped');
    process.exit(0);
  });

/** How long a command that is done waits for the audit repository. */
const auditPatienceMs = 5_000;

/** The end of a command: what the audit repository doesn't take now waits. */
async function endAudit(audit: RequesterAudit | undefined): Promise<void> {
  if (audit && !(await audit.flush(auditPatienceMs))) {
    process.stderr.write('audit records wait for the audit repository: they go out with a later command\n');
  }
  await audit?.stop();
}

async function openAudit(home: string, { syslog, ca, cert, key }: AuditConfig): Promise<RequesterAudit> {
  const { openRequesterAudit } = await import('./audit.js');
  const settings = {
    syslog,
    ca: readFileSync(ca, 'utf8'),
    cert: readFileSync(cert, 'utf8'),
    key: readFileSync(key, 'utf8'),
  };
  return openRequesterAudit({
    settings,
    spoolFolder: join(home, 'audit'),
    now: () => Date.now(),
    report: code => process.stderr.write(`audit: ${code}\n`),
  });
}

/** Progress on a terminal, at most ten lines a second rewritten in place. */
function progress(): (bytes: number, total?: number) => void {
  let last = 0;
  return (bytes, total) => {
    const now = Date.now();
    if (!process.stderr.isTTY || (now - last < 100 && bytes !== total)) return;
    last = now;
    const share = total ? ` of ${(total / 1e6).toFixed(1)}` : '';
    process.stderr.write(`\r${(bytes / 1e6).toFixed(1)}${share} MB${bytes === total ? '\n' : ''}`);
  };
}

// Whatever is written holds secrets or records of patients: for its owner's eyes.
process.umask(0o077);
await runCommandLine(() => program.parseAsync());

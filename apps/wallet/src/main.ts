/** radpass-wallet: the library of the patient's app as commands, for scripts and the demo. */
import { mkdirSync, readFileSync } from 'node:fs';
import { homedir } from 'node:os';
import { join } from 'node:path';
import { GatewayApi, LightNodes, Wallet } from '@radpass/client';
import {
  loadConfiguration,
  nodeFetch,
  nodesOfList,
  printJson,
  readCheckpoint,
  recordFile,
  runCommandLine,
  UsageError,
  versionBeside,
} from '@radpass/client/node';
import { parsePublicKey, toHex } from '@radpass/core';
import { Command } from 'commander';
import { z } from 'zod';

const finalTimeoutMs = 180_000;

const configSchema = z.strictObject({
  /** HTTP APIs of nodes, comma-separated: asked one after the other, none believed. */
  node: z.string(),
  /** A block to begin at: the file of a checkpoint, or SLOT:BLOCKID. */
  checkpoint: z.string().optional(),
  /** Where the wallet's record lies. */
  home: z.string(),
  /** PEM file of an authority to trust beside the system's. */
  ca: z.string().optional(),
  insecurePlainKey: z.boolean().default(false),
});

const program = new Command('radpass-wallet')
  .description('Claims your imaging studies and decides who may see them.')
  .version(versionBeside(import.meta.url))
  .option('--config <file>', 'configuration (JSON)')
  .option('--home <dir>', 'where the wallet keeps its record')
  .option('--node <urls>', 'HTTP APIs of nodes, comma-separated; their proofs are checked')
  .option('--checkpoint <name>', 'begin at this block, where trust is too old: a file, or SLOT:BLOCKID')
  .option('--ca <file>', "authority to trust beside the system's (PEM)")
  .option('--insecure-plain-key', 'do not encrypt the record (trials only)')
  .option('--json', 'print one JSON object')
  .exitOverride()
  .configureHelp({ showGlobalOptions: true });

function openWallet(): Promise<Wallet> {
  const { config, home, node, checkpoint, ca, insecurePlainKey } = program.opts();
  const settings = loadConfiguration(configSchema, {
    file: config,
    envPrefix: 'RADPASS_WALLET',
    flags: {
      home: home ?? process.env.RADPASS_WALLET_HOME ?? join(homedir(), '.radpass-wallet'),
      node,
      checkpoint,
      ca,
      insecurePlainKey,
    },
  });
  mkdirSync(settings.home, { recursive: true, mode: 0o700 });
  const trusted = settings.ca ? { ca: readFileSync(settings.ca, 'utf8') } : {};
  const fetch = nodeFetch(trusted);
  const nodes = nodesOfList(settings.node, trusted);
  const begin = settings.checkpoint === undefined ? undefined : readCheckpoint(settings.checkpoint);
  const now = (): number => Date.now();
  return Wallet.open({
    store: recordFile(join(settings.home, 'wallet'), { kind: 'wallet', plain: settings.insecurePlainKey }),
    node: nodes[0],
    light: record => LightNodes.open({ ...record, nodes, checkpoint: begin, now }),
    gateway: url => new GatewayApi({ url, fetch }),
    now,
  });
}

/** Print a result: the object with --json, else the sentence. */
function say(result: object, sentence: string): void {
  if (program.opts().json) printJson(result);
  else process.stdout.write(`${sentence}\n`);
}

/** A card or offer: the text itself, or a file that holds it. */
function cardText(given: string): string {
  if (given.startsWith('radpass:')) return given;
  try {
    return readFileSync(given, 'utf8').trim();
  } catch {
    throw new UsageError(`${given}: neither a card (radpass:…) nor a file that can be read`);
  }
}

const studyNumber = (text: string): number => {
  const value = Number(text);
  if (!Number.isSafeInteger(value) || value < 1)
    throw new UsageError(`${text}: expected a study's number, as list shows it`);
  return value;
};

const untilTime = (text: string): number => {
  const time = Date.parse(text);
  if (Number.isNaN(time)) throw new UsageError(`${text}: expected a date, like 2027-01-31 or 2027-01-31T12:00:00Z`);
  return time;
};

program
  .command('claim')
  .description("claim the study that the hospital's desk offers you")
  .requiredOption('--offer <card>', 'the offer, or a file with it')
  .option('--wait', 'wait until the study is yours', false)
  .action(options => claim(options, (wallet, text) => wallet.claim(text)));
program
  .command('reclaim')
  .description('take over a study of yours whose key is lost; takes effect after a delay')
  .requiredOption('--offer <card>', 'the offer, or a file with it')
  .action(options => claim({ ...options, wait: false }, (wallet, text) => wallet.reclaim(text)));

type Claim = Awaited<ReturnType<Wallet['claim']>>;

async function claim(
  options: { offer: string; wait: boolean },
  run: (wallet: Wallet, text: string) => Promise<Claim>,
): Promise<void> {
  const wallet = await openWallet();
  const claimed = await run(wallet, cardText(options.offer));
  say(
    { event: 'claimed', ...claimed },
    `study ${claimed.study}: the desk's screen must show these words: ${claimed.words.join(' ')}`,
  );
  if (!options.wait) return;
  const entry = await wallet.waitUntilYours(claimed.study, { timeoutMs: finalTimeoutMs });
  say({ event: 'yours', study: claimed.study, patientKey: entry.owner }, `study ${claimed.study} is yours`);
}

program
  .command('allow')
  .description('let someone retrieve a study')
  .requiredOption('--study <n>', 'number of the study', studyNumber)
  .requiredOption('--to <card>', "the requester's card, or a file with it")
  .option('--until <date>', 'last moment (default: until you revoke)', untilTime)
  .action(async options => {
    const wallet = await openWallet();
    const allowed = await wallet.allow(
      options.study,
      cardText(options.to),
      options.until ? { notAfter: options.until } : {},
    );
    say(allowed, `allowed; the screen of ${allowed.label} must show these words: ${allowed.words.join(' ')}`);
  });

program
  .command('revoke')
  .description('take back what was allowed')
  .requiredOption('--study <n>', 'number of the study', studyNumber)
  .option('--to <key>', "the requester's key, as list shows it (default: everyone)")
  .action(async options => {
    const wallet = await openWallet();
    const revoked = await wallet.revoke(options.study, options.to ? parsePublicKey(options.to) : null);
    say(
      revoked,
      revoked.receipt
        ? 'revoked; the hospital has confirmed it'
        : 'revoked; the hospital will learn it from the ledger',
    );
  });

program
  .command('receipts')
  .description('who opened a study, as the hospital has signed it')
  .requiredOption('--study <n>', 'number of the study', studyNumber)
  .action(async options => {
    const listed = await (await openWallet()).receipts(options.study);
    const lines = listed.accesses.map(({ number, time, label, requesterKey, outcome, bytesSent }) => {
      const who = label ?? `SOMEBODY WHOM YOU NEVER ALLOWED: ${requesterKey}`;
      return `${number}  ${new Date(time).toISOString()}  ${who}  ${outcome}, ${bytesSent} bytes`;
    });
    if (listed.missing.length > 0) lines.push(`kept back by the hospital: ${listed.missing.join(', ')}`);
    say(listed, lines.length > 0 ? lines.join('\n') : 'nobody has opened it');
  });

program
  .command('keep')
  .description('object to somebody taking over your study')
  .requiredOption('--study <n>', 'number of the study', studyNumber)
  .action(async options => {
    const wallet = await openWallet();
    const kept = await wallet.keep(options.study);
    say(kept, `objected by ${toHex(kept.transactionId)}`);
  });

program
  .command('list')
  .description('your studies, how far their claims came, and whom you allowed')
  .action(async () => {
    const wallet = await openWallet();
    const studies = await wallet.list();
    const lines = studies.flatMap(({ study, state, card, grants, takeoverPending }) => [
      `${study}  ${state}  ${card.modality} ${card.date} ${card.description}${takeoverPending ? '  SOMEBODY IS TAKING OVER THIS STUDY: radpass-wallet keep' : ''}`,
      ...grants.map(grant => {
        const state = grant.revoked ? 'revoked' : grant.posted ? 'allowed' : 'not sent yet: allow again';
        return `   ${state}  ${grant.label}  ${grant.requesterKey}`;
      }),
    ]);
    say({ studies }, lines.length > 0 ? lines.join('\n') : 'no studies yet');
  });

program
  .command('backup')
  .description('the words that restore your keys: write them down, show them to nobody')
  .action(async () => {
    const { mnemonic, device } = (await openWallet()).backup();
    say({ mnemonic, device }, `${mnemonic}\ndevice ${device}`);
  });

// Whatever is written holds secrets or records of patients: for its owner's eyes.
process.umask(0o077);
await runCommandLine(() => program.parseAsync());

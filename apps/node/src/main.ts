/** radpass-node: the command line. Each command is one function in commands/; this file only reads flags. */
import { homedir } from 'node:os';
import { join } from 'node:path';
import {
  layerOptions,
  printJson,
  runCommandLine,
  UsageError,
  untilSignal,
  versionBeside,
  wholeNumber,
} from '@radpass/client/node';
import { explainTuple, fromHex, parseTransaction, toHex } from '@radpass/core';
import { type StakePolicyName, stakePolicies } from '@radpass/ledger';
import { Command } from 'commander';
import { auditCsv, auditFolder, auditJson, auditTable, epochRange } from './commands/audit.js';
import { saveCheckpoint } from './commands/checkpoint.js';
import { newGenesis } from './commands/genesis.js';
import { bind, newKeys } from './commands/key.js';
import { checkOwnership, proveOwnership } from './commands/ownership.js';
import { nameRecovery, recoveryText } from './commands/recovery.js';
import { verifyFolder } from './commands/verify.js';
import { readBytes } from './files.js';
import { createLog } from './runtime.js';

const version = versionBeside(import.meta.url);
const program = new Command('radpass-node')
  .description(
    'Takes part in the Radpass ledger: stores and checks blocks, makes those that fall to its source, serves the HTTP API.',
  )
  .version(version)
  .option('--config <file>', 'settings (JSON): any flag by its name, e.g. {"dataDir": "data"}')
  .option('--home <dir>', 'where data and genesis lie, unless named', join(homedir(), '.radpass-node'))
  .option('--json', 'print one JSON object (running commands: one event a line)')
  .exitOverride()
  .configureHelp({ showGlobalOptions: true });

const policyNames = Object.keys(stakePolicies);
const policyName = (text: string): StakePolicyName => {
  const name = policyNames.find((known): known is StakePolicyName => known === text);
  if (!name) throw new UsageError(`--policy ${text}: expected ${policyNames.join(', ')}`);
  return name;
};
const commaList = (text: string): string[] => text.split(',').filter(part => part !== '');
const collect = (value: string, all: string[]): string[] => [...all, value];

const inHome = (name: string): string => join(program.opts().home, name);

/** Print a result: the object with --json, else the sentence. */
function say(result: object, sentence: string): void {
  if (program.opts().json) printJson(result);
  else process.stdout.write(`${sentence}\n`);
}

const key = program.command('key').description('the keys of a source');
key
  .command('new')
  .description('make source.key, node.key with its signing record, and source.pub.json')
  .requiredOption('--out <dir>', 'folder for the files')
  .requiredOption('--url <url>', "https URL of the source's gateway")
  .option('--insecure-plain-key', 'do not encrypt the key files (trials only)', false)
  .action(async options => {
    const founder = await newKeys(options);
    say(founder, `${options.out}: made keys for source ${founder.sourceKey}`);
  });

program
  .command('bind')
  .description("the node key's word that it serves a source, for the gateway's `source define`")
  .requiredOption('--key <file>', 'the node key')
  .requiredOption('--source <key>', 'the source key, 64 hex characters')
  .requiredOption('--genesis <file>', 'the network')
  .requiredOption('--out <file>', 'where to write the binding')
  .action(async options =>
    say(await bind(options), `${options.out}: written; give it to radpass-gateway source define --binding`),
  );

program
  .command('genesis')
  .description('the block that a network starts from')
  .command('new')
  .description("write a genesis from the founders' source.pub.json files")
  .requiredOption('--source <files...>', "the founders' public files")
  .option('--weight <n>', 'notional studies of each founder', wholeNumber, 1000)
  .option('--slot-ms <n>', 'length of a slot', wholeNumber, 4000)
  .option('--slots-per-epoch <n>', 'slots in an epoch', wholeNumber, 900)
  .option('--era-epochs <n>', 'epochs in an era', wholeNumber, 24)
  .option('--policy <name>', `stake policy: ${policyNames.join(', ')}`, policyName, 'capped')
  .option('--payer <keys...>', 'keys that may accredit sources (hex)', [])
  .option('--allow <files...>', 'public files of the only sources admitted besides the founders (default: all)', [])
  .option('--checkpoint-key <keys...>', 'source keys that sign checkpoints, 64 hex characters each', [])
  .option('--checkpoint-threshold <n>', 'how many of them have to (default: more than half)', wholeNumber)
  .option('--time <ms>', 'time of slot 0, Unix ms (default: now)', wholeNumber)
  .requiredOption('--out <file>', 'where to write the genesis')
  .action(options => {
    const { checkpointKey, source, payer, allow, time, ...rest } = options;
    const made = newGenesis({
      ...rest,
      sources: source,
      payers: payer,
      allowList: allow,
      checkpointKeys: checkpointKey,
      timeMs: time,
    });
    say(made, `${options.out}: network ${made.chainId} with ${made.founders} founders`);
  });

program
  .command('start')
  .description('run the node until a signal')
  .option('--data-dir <dir>', 'where the node keeps everything (default: HOME/data)')
  .option('--genesis <file>', 'the network (default: HOME/genesis)')
  .option('--key <file>', 'a node key; repeat for several; without one the node observes', collect, [])
  .option(
    '--restore-after <epoch>',
    "the keys' signing records are lost or from a backup: make them again, and sign nothing before the end of this epoch",
    wholeNumber,
  )
  .option('--checkpoint <name>', 'a block that you trust: a file, or SLOT:BLOCKID; repeat for several', collect, [])
  .option(
    '--recovery <file>',
    'a block that people named for finality to start anew from; repeat for several',
    collect,
    [],
  )
  .option('--listen <multiaddrs>', 'where peers reach this node, comma-separated', commaList, ['/ip4/127.0.0.1/tcp/0'])
  .option('--peers <multiaddrs>', 'nodes to connect to, comma-separated', commaList, [])
  .option('--api <host:port>', 'public HTTP API', '127.0.0.1:0')
  .option('--admin <host:port>', 'local surface: metrics, disconnect, reconnect (loopback, token in DATA/admin.token)')
  .option('--tls-cert <file>', 'certificate of the public API (PEM)')
  .option('--tls-key <file>', 'key of the certificate (PEM)')
  .action(async options => {
    const { tlsCert, tlsKey, ...rest } = options;
    if (!tlsCert !== !tlsKey) throw new UsageError('--tls-cert and --tls-key go together');
    const tls = tlsCert ? { cert: tlsCert, key: tlsKey } : undefined;
    // The network's code takes longest to load; the other commands do without.
    const { startNode } = await import('./commands/start.js');
    const dataDir = options.dataDir ?? inHome('data');
    const genesis = options.genesis ?? inHome('genesis');
    const node = await startNode({
      ...rest,
      dataDir,
      genesis,
      keys: options.key,
      checkpoints: options.checkpoint,
      recoveries: options.recovery,
      tls,
      version,
      log: createLog(),
    });
    const { stop, failed, ...ready } = node;
    say(
      { event: 'ready', pid: process.pid, ...ready },
      `ready: API at ${node.api}, peers at ${node.listen.join(', ')}`,
    );
    const failure = await Promise.race([untilSignal(), failed]);
    await stop();
    if (failure) throw failure;
    say({ event: 'stopped' }, 'stopped');
    process.exit(0);
  });

program
  .command('checkpoint')
  .description("a node's newest final block, for whoever starts later; or one more signature of a checkpoint")
  .requiredOption('--api <url>', 'a node that you trust')
  .option('--same-as <file>', 'sign this checkpoint, if the node has its block as final, too')
  .option('--sign <key>', 'sign it with this source key')
  .requiredOption('--out <file>', 'where to write it')
  .action(async options => {
    const { slot, blockId, signatures } = await saveCheckpoint(options);
    const signed = signatures === 1 ? '1 signature' : `${signatures} signatures`;
    say({ slot, blockId, signatures }, `${options.out}: slot ${slot}, block ${blockId}, ${signed}`);
  });

program
  .command('recovery')
  .description('name the block from which finality starts anew, by the folder of a stopped node')
  .option('--data-dir <dir>', "the node's folder (default: HOME/data)")
  .option('--reason <text>', 'why, for people (a new statement on the newest block)')
  .option('--same-as <file>', "check another's statement against this folder, and sign that")
  .option('--sign <file>', 'a source key that genesis names for checkpoints')
  .requiredOption('--out <file>', 'where to write it')
  .action(async options => {
    if (!options.reason === !options.sameAs) throw new UsageError('give one of --reason and --same-as');
    const named = await nameRecovery({ ...options, dataDir: options.dataDir ?? inHome('data') });
    say(named, recoveryText(options.out, named));
  });

program
  .command('verify')
  .description("replay a stopped node's folder from genesis and name the first bad block")
  .option('--data-dir <dir>', "the node's folder (default: HOME/data)")
  .option('--recovery <file>', 'a recovery that the network went through; repeat for several', collect, [])
  .action(async options => {
    const dataDir = options.dataDir ?? inHome('data');
    const result = await verifyFolder({ dataDir, recoveries: options.recovery });
    say(
      result,
      `${dataDir}: ${result.blocks} blocks are good; final height ${result.finalHeight}, state ${result.stateRoot}`,
    );
  });

program
  .command('audit')
  .description("recompute from a stopped node's folder what every source was to do and did, epoch by epoch")
  .option('--data-dir <dir>', "the node's folder (default: HOME/data)")
  .option('--epochs <A..B>', 'only these epochs', epochRange, { first: 0, last: Number.MAX_SAFE_INTEGER })
  .option('--csv', 'comma-separated values')
  .option('--recovery <file>', 'a recovery that the network went through; repeat for several', collect, [])
  .action(async options => {
    const { epochs, recovery: recoveries } = options;
    const audits = await auditFolder({ dataDir: options.dataDir ?? inHome('data'), epochs, recoveries });
    if (options.csv) process.stdout.write(auditCsv(audits));
    else say(auditJson(audits), auditTable(audits));
  });

program
  .command('explain')
  .description("a transaction in the paper's notation")
  .argument('<transaction>', 'its bytes as hex, or a file that holds them')
  .action((text: string) => {
    const bytes = /^([0-9a-f]{2})+$/.test(text) ? fromHex(text) : readBytes(text);
    const transaction = parseTransaction(bytes);
    const notation = explainTuple(transaction.tuple);
    say({ id: toHex(transaction.id), notation }, notation);
  });

const challenge = (command: Command): Command =>
  command
    .requiredOption('--verifier <name>', 'who asks')
    .requiredOption('--nonce <hex>', 'what they ask with')
    .requiredOption('--genesis <file>', 'the network');

challenge(program.command('prove-ownership').description("sign a verifier's challenge with a source key"))
  .requiredOption('--key <file>', 'the key to prove')
  .action(async options => {
    const proof = await proveOwnership(options);
    say(proof, proof.proof);
  });

challenge(program.command('check-ownership').description('check the answer to a challenge'))
  .argument('<file>', 'the proof')
  .action((file: string, options) => {
    const checked = checkOwnership({ ...options, file });
    say(checked, `the proof holds for key ${checked.key}`);
  });

await runCommandLine(async () => {
  layerOptions(program, { envPrefix: 'RADPASS_NODE' });
  await program.parseAsync();
});

/** radpass-gateway: the command line. Each command is one function; this file only reads flags. */
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import {
  loadConfiguration,
  printJson,
  runCommandLine,
  UsageError,
  untilSignal,
  versionBeside,
} from '@radpass/client/node';
import { Command } from 'commander';
import type { Accounting } from './accounting.js';
import type { Posted } from './commands/source.js';
import { configSchema, type GatewayConfig } from './config.js';
import { askDesk } from './deskClient.js';
import type { AuditResult } from './evidence.js';
import { createLog } from './runtime.js';

const program = new Command('radpass-gateway')
  .description(
    "Stands in front of a hospital's images: offers studies to patients, serves those whom patients allowed, nobody else.",
  )
  .version(versionBeside(import.meta.url))
  .option('--config <file>', 'configuration (JSON; default: HOME/gateway.json)', process.env.RADPASS_GATEWAY_CONFIG)
  .option('--home <dir>', 'where the configuration lies', process.env.RADPASS_GATEWAY_HOME ?? '.')
  .option('--json', 'print one JSON object (running commands: one event a line)')
  .exitOverride()
  .configureHelp({ showGlobalOptions: true });

// The server's parts take a while to load; commands that only ask the desk do without.
const sourceCommands = () => import('./commands/source.js');

const config = (): GatewayConfig =>
  loadConfiguration(configSchema, {
    file: program.opts().config ?? join(program.opts().home, 'gateway.json'),
    envPrefix: 'RADPASS_GATEWAY',
  });

/** Print a result: the object with --json, else the sentence. */
function say(result: object, sentence: string): void {
  if (program.opts().json) printJson(result);
  else process.stdout.write(`${sentence}\n`);
}

/** As the desk takes it: ms. */
const accountingTime = (text: string): string => {
  const time = Date.parse(text);
  if (Number.isNaN(time)) throw new UsageError(`${text}: expected a date, like 2027-01-31 or 2027-01-31T12:00:00Z`);
  return String(time);
};

const progress = (text: string): void => {
  process.stderr.write(`${text}\n`);
};

program
  .command('start')
  .description('serve until a signal')
  .action(async () => {
    const { startGateway } = await import('./gateway.js');
    const gateway = await startGateway(config(), createLog());
    const { stop, ...ready } = gateway;
    say(
      { event: 'ready', pid: process.pid, ...ready },
      `ready: ${ready.url} (listening at ${ready.listen}), desk at ${ready.desk}`,
    );
    await untilSignal();
    await stop();
    say({ event: 'stopped' }, 'stopped');
    process.exit(0);
  });

const source = program.command('source').description("this hospital's entry in the directory");
const sayPosted = (posted: Posted): void =>
  say(posted, `${posted.notation}: ${posted.grade} at height ${posted.height}`);
source
  .command('define')
  .description('publish the URL, with a binding made by radpass-node bind')
  .requiredOption('--binding <file>', 'the binding')
  .option('--next-key <file>', 'source.pub.json of the key to rotate to some day (only its hash is published)')
  .option('--pin-tls', "publish the hash of the TLS certificate's key, so that requesters refuse any other", false)
  .action(async options => sayPosted(await (await sourceCommands()).defineSource(config(), options, progress)));
source
  .command('close')
  .description('take no new studies; weight is lost from the next table')
  .requiredOption('--binding <file>', 'a binding made by radpass-node bind')
  .action(async options => sayPosted(await (await sourceCommands()).closeSource(config(), options)));
source
  .command('rotate')
  .description('replace the source key by the one announced with --next-key')
  .requiredOption('--key <file>', 'the new source key')
  .option('--next-key <file>', 'source.pub.json of the key after that')
  .action(async options => sayPosted(await (await sourceCommands()).rotateSource(config(), options)));

program
  .command('offer')
  .description("make an offer that hands a study to its patient's wallet")
  .option('--study <uid>', 'Study Instance UID')
  .option('--accession <number>', 'accession number')
  .option('--out <file>', 'write the offer there')
  .action(async options => {
    if (!options.study === !options.accession) throw new UsageError('give either --study or --accession');
    const body = options.study ? { studyInstanceUID: options.study } : { accessionNumber: options.accession };
    const made = await askDesk(config(), '/v1/offers', body);
    if (options.out) writeFileSync(options.out, `${made.offer}\n`, { mode: 0o600 });
    say(made, options.out ? `${options.out}: written; valid for 15 minutes` : String(made.offer));
  });

program
  .command('claims')
  .description("what wallets claimed; compare the six words with the patient's screen before you confirm")
  .option('--confirm <id>', 'co-sign this claim')
  .option('--refuse <id>', 'refuse this claim')
  .action(async options => {
    if (options.confirm) {
      const claim = await askDesk(config(), `/v1/claims/${options.confirm}/confirm`, {});
      return say(claim, `co-signed and posted as ${claim.transactionId}`);
    }
    if (options.refuse) return say(await askDesk(config(), `/v1/claims/${options.refuse}/refuse`, {}), 'refused');
    const { claims } = await askDesk<{ claims: { id: string; state: string; words: string[] }[] }>(
      config(),
      '/v1/claims',
    );
    const lines = claims.map(claim => `${claim.id}  ${claim.state}  ${claim.words.join(' ')}`);
    say({ claims }, lines.length > 0 ? lines.join('\n') : 'no claims');
  });

program
  .command('studies')
  .description('what the image store holds, and what was offered from it')
  .action(async () => {
    const { studies } = await askDesk<{
      studies: {
        number: number | null;
        studyInstanceUID: string;
        modality?: string;
        instances?: number;
        withdrawn: boolean;
      }[];
    }>(config(), '/v1/studies');
    const lines = studies.map(study =>
      [
        study.number ?? '-',
        study.studyInstanceUID,
        study.modality ?? '',
        study.instances === undefined ? 'not in the image store' : `${study.instances} instances`,
        study.withdrawn ? 'withdrawn' : study.number === null ? 'never offered' : 'offered',
      ].join('  '),
    );
    say({ studies }, lines.length > 0 ? lines.join('\n') : 'the image store is empty');
  });

program
  .command('withdraw')
  .description('a study was published in error: never serve it again')
  .requiredOption('--study <number>', 'its number, as studies shows it')
  .action(async options => {
    const study = Number(options.study);
    if (!Number.isSafeInteger(study) || study < 1)
      throw new UsageError(`${options.study}: expected a study's number, as studies shows it`);
    const posted = await askDesk(config(), '/v1/withdraw', { study });
    say(posted, `withdrawn by ${posted.transactionId}`);
  });

program
  .command('disclosures')
  .description('who received what, and who was refused; with --patient the accounting of 45 CFR 164.528')
  .option('--patient <key>', 'account for this patient key')
  .option('--from <date>', 'disclosures from this moment on', accountingTime)
  .option('--to <date>', 'disclosures up to this moment', accountingTime)
  .option('--csv', 'the accounting as a table', false)
  .action(async options => {
    if (!options.patient) {
      if (options.csv || options.from || options.to) throw new UsageError('--csv, --from and --to need --patient');
      const { disclosures } = await askDesk<{ disclosures: object[] }>(config(), '/v1/disclosures');
      return say({ disclosures }, disclosures.map(record => JSON.stringify(record)).join('\n') || 'none');
    }
    const { patient, from, to } = options;
    const query = new URLSearchParams({ patient, ...(from ? { from } : {}), ...(to ? { to } : {}) });
    const accounting = await askDesk<Accounting>(config(), `/v1/accounting?${query}`);
    const { accountingCsv, accountingText } = await import('./accounting.js');
    say(accounting, options.csv ? accountingCsv(accounting) : accountingText(accounting));
  });

program
  .command('audit')
  .description('the chain of disclosure records')
  .command('verify')
  .description('check that no record was changed, removed or added, and that each disclosure was right')
  .option('--folder <dir>', 'a copy of dataDir/disclosures, offline, without configuration')
  .option('--chain-id <hex>', 'with --folder: the network')
  .option('--key <hex...>', 'with --folder: the source key, then each key that it was rotated to')
  .action(async ({ folder, chainId, key }) => {
    const { auditFolder, isHex32, requireSound } = await import('./commands/audit.js');
    const keys: string[] = key ?? [];
    if (folder && !(chainId && keys.length > 0 && [chainId, ...keys].every(isHex32))) {
      throw new UsageError('--folder needs --chain-id and at least one --key, 64 hex characters each');
    }
    const result = requireSound(
      folder
        ? await auditFolder({ folder, chainId, keys })
        : await askDesk<AuditResult>(config(), '/v1/disclosures/verify'),
    );
    say(
      { ok: true, ...result },
      `${result.records} records, unbroken; ${result.served} disclosures, each with its grounds`,
    );
  });

program
  .command('check')
  .description('would this configuration serve? (keys, images, nodes, clock, directory entry)')
  .action(async () => {
    const { checkGateway } = await import('./commands/check.js');
    const found = await checkGateway(config());
    say(
      found,
      Object.entries(found)
        .map(([name, value]) => `${name}: ${value}`)
        .join('\n'),
    );
  });

// Whatever is written holds secrets or records of patients: for its owner's eyes.
process.umask(0o077);
await runCommandLine(() => program.parseAsync());

/** @radpass/ledger/sim: the simulator. Runs the shipping engine and chain in virtual time; see docs/simulator.md. */
export { Censor } from './adversaries/censor.js';
export { ExAnte } from './adversaries/exAnte.js';
export { Late } from './adversaries/late.js';
export { LyingPeer } from './adversaries/lyingPeer.js';
export { Silent } from './adversaries/silent.js';
export { Twin } from './adversaries/twin.js';
export { VoteSplitter } from './adversaries/voteSplitter.js';
export { Adversary } from './adversary.js';
export { finalityCsv, sharesCsv } from './csv.js';
export { Invariants, type KnownBlock, type Violation } from './invariants.js';
export { Histogram, Measures } from './measures.js';
export { type Message, Network, type NetworkConditions, type Topic } from './network.js';
export { Offences } from './offences.js';
export { joinParts, type Letter, lagTurns, type Part, type PartFacts } from './part.js';
export { plotSvg } from './plot.js';
export { Random } from './random.js';
export { type Report, type RunPlan, runScenario, type SeedPlayer } from './run.js';
export { type Exhausted, type ExhaustivePlan, searchAll } from './safety/exhaustive.js';
export { type Action, type Conflict, Model, type Setting } from './safety/model.js';
export { type Found, randomRun, replay, type SearchPlan, searchConflict, shorten } from './safety/search.js';
export { type Electorate, type Variant, type VariantName, variants } from './safety/variants.js';
export {
  eachSlot,
  equalMembers,
  type Figures,
  finish,
  makeWorld,
  type Options,
  publishing,
  type RunContext,
  type Scenario,
  type SeedOutcome,
  type WorldSettings,
} from './scenario.js';
export { scenarios } from './scenarios/index.js';
export { Schedule } from './schedule.js';
export { SimClock } from './simClock.js';
export { SimDisk, type SimDiskInit } from './simDisk.js';
export { SimNode } from './simNode.js';
export { SimSignatures } from './simSignatures.js';
export { SimSigner } from './simSigner.js';
export { Trace } from './trace.js';
export { Traffic } from './traffic.js';
export { type Member, type Platform, World, type WorldPlan } from './world.js';

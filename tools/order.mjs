/** What of a test run goes beside what. Two cores are enough for all of it. */

/** Packages whose tests run networks on the machine's clock: one after the other, each with nothing beside but `patient`. */
export const timed = ['node', 'figure-3', 'p2p'];

/** Packages whose tests need the processor and no time of day: beside all others, behind them in the queue. */
export const patient = ['ledger', 'core', 'imaging', 'quality', 'audit', 'sim'];
/** Niceness: a third of what another process gets where both want the processor, so that nobody starves. */
export const nicerByPatience = 5;

/** Packages with more files than one core should run: work, or waiting for slots. */
export const twoFilesAtATime = ['ledger', 'node', 'figure-3'];

/** The longer tests measure times of whole networks, and have the machine to themselves. */
export const isLongerRun = Boolean(process.env.RADPASS_SLOW);

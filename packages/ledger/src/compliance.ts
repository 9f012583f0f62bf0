/** @radpass/ledger/compliance: suites for those who replace a part. Each takes the test runner's functions as an argument. */
export { stakePolicySuite } from './compliance/stakePolicySuite.js';
export { type StoreFactory, type SuiteKit, storeSuite } from './compliance/storeSuite.js';

/** @radpass/xds/node: HTTP from node:http(s), the guarded way out, stores on classic-level. */
export {
  type ConnectSettings,
  type GuardedOptions,
  type GuardedRequest,
  type GuardedResponse,
  guardedConnect,
  guardedFetch,
} from './guardedConnect.js';
export { httpExchange, httpLimits, limitServer } from './httpExchange.js';
export { openDisclosureLog, openReplayStore } from './levelStores.js';
export { openTunnel, parseProxy } from './proxyTunnel.js';
export { isPublicAddress } from './publicAddress.js';
export {
  type OpenStudyOptions,
  openStudy,
  type RetrievedStudy,
  type RetrieveStudyOptions,
  retrieveStudy,
} from './retrieveStudy.js';
export { type SyslogTarget, sendSyslog, syslogTimes } from './syslogSender.js';

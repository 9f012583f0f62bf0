/** What a Node program adds to the client: a fetch that trusts a given CA, configuration, command lines, safe files. */
export {
  hexBytes,
  printJson,
  runCommandLine,
  UsageError,
  untilSignal,
  versionBeside,
  wholeNumber,
} from './commandLine.js';
export { type ConfigurationLayers, loadConfiguration } from './configuration.js';
export {
  type ListenInit,
  type Listening,
  listenHttp,
  localPathRefusal,
  localRefusal,
  placeOf,
  type ServerTls,
  showedCertificate,
  splitAddress,
  unreadableRequest,
} from './httpServer.js';
export { nodesOfList, openLightFile, readCheckpoint } from './lightOption.js';
export { isLoopback, type NodeFetchInit, nodeFetch } from './nodeFetch.js';
export { type LayeredCommand, layerOptions } from './optionLayers.js';
export { loadRecord, saveRecord } from './recordFile.js';
export { recordFile } from './recordSealing.js';
export { localToken, secretFile } from './secretFile.js';

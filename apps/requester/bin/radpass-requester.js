#!/usr/bin/env node
import { setFlagsFromString } from 'node:v8';

// Gigabytes pass in small pieces. Left to itself the heap's young half grows to 48 MiB under them and does not shrink; kept
// at its first size it is emptied more often, at no loss that apps/gateway/bench/transfer.mjs shows.
setFlagsFromString('--semi-space-growth-factor=1');
await import('../dist/main.js');

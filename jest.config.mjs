// Every workspace package with a test folder is one jest project (RADPASS_SLOW=1: the longer tests); tests run as compiled, on what is shipped.
import { existsSync, readdirSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';

const root = dirname(fileURLToPath(import.meta.url));
const packages = ['packages', 'apps', 'examples']
  .flatMap(group =>
    existsSync(join(root, group)) ? readdirSync(join(root, group)).map(name => join(group, name)) : [],
  )
  .concat(join('tools', 'quality'))
  .filter(path => existsSync(join(root, path, 'test')));

export default {
  projects: packages.map(path => ({
    displayName: path.split(/[\\/]/).at(-1),
    rootDir: join(root, path),
    testEnvironment: 'node',
    testMatch: [
      process.env.RADPASS_SLOW ? '<rootDir>/dist-test/**/*.slow.test.js' : '<rootDir>/dist-test/**/*.test.js',
    ],
    testPathIgnorePatterns: process.env.RADPASS_SLOW ? [] : ['\\.slow\\.test\\.js$'],
    transform: {},
  })),
  reporters: ['default', join(root, 'tools/reporter.mjs')],
  testTimeout: 60_000,
};

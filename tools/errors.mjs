/** `node tools/errors.mjs`: write docs/errors.md from the packages' errors.ts, where each code has its line of comment. */
import { existsSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { root } from './run.mjs';

const intro = `# Errors
Every failure has a stable code, a sentence for people, and typed evidence in \`detail\`. Commands print the sentence and the code (with \`--json\`: \`{"error":{code,message,detail}}\` on stderr) and exit with 1; wrong usage (\`USAGE\`) exits with 2. HTTP answers carry the same object. Codes keep their meaning inside a major version.

This page is written by \`node tools/errors.mjs\` from each package's \`errors.ts\`; a test holds it equal to the code.
`;

const sections = [];
for (const group of ['packages', 'apps']) {
  for (const name of readdirSync(join(root, group)).sort()) {
    const path = join(root, group, name, 'src', 'errors.ts');
    if (!existsSync(path)) continue;
    const rows = [
      ...readFileSync(path, 'utf8').matchAll(/code: '([A-Z0-9_]+)'(?:;\s*([^\n]*?|[^}]*?))?\s*\};?\s*\/\/ (.+)$/gm),
    ];
    const table = rows.map(
      ([, code, detail = '', meaning]) => `| \`${code}\` | ${cell(meaning)} | ${fields(detail)} |`,
    );
    sections.push(`## ${group}/${name}\n| code | when | detail |\n| --- | --- | --- |\n${table.join('\n')}\n`);
  }
}
writeFileSync(join(root, 'docs', 'errors.md'), `${intro}\n${sections.join('\n')}`);

function cell(text) {
  return text.replaceAll('|', '\\|').trim();
}

function fields(detail) {
  const names = [...detail.matchAll(/(?:^|;)\s*(\w+)\??:/g)].map(match => match[1]);
  return names.join(', ') || '–';
}

/** Debian's Metro (JAX-WS): stubs by wsimport from a published WSDL, and a program of ours compiled with them. */
import { execFileSync } from 'node:child_process';
import { mkdirSync, readdirSync } from 'node:fs';
import { delimiter, join } from 'node:path';

const jars = [
  'jaxws-rt jaxws-tools jaxws-api jaxb-api jaxb-core jaxb-impl jaxb-runtime jaxb-xjc codemodel stax-ex streambuffer',
  'mimepull saaj-impl javax.xml.soap-api metro-policy gmbal glassfish-management-api javax.activation jws-api',
  'istack-commons-runtime istack-commons-tools FastInfoset txw2 xsom rngom dtd-parser geronimo-annotation-1.3-spec',
].flatMap(line => line.split(' ').map(name => `/usr/share/java/${name}.jar`));

/** @returns the arguments of `java` before the program's name */
export function compileWithMetro(p: { wsdlFile: string; program: string; folder: string }): string[] {
  const generated = join(p.folder, 'generated');
  const classes = join(p.folder, 'classes');
  mkdirSync(generated);
  const classPath = [...jars, classes].join(delimiter);
  const wsimport = ['-extension', '-keep', '-Xnocompile', '-quiet', '-d', generated, '-p', 'iti43'];
  execFileSync('java', ['-cp', classPath, 'com.sun.tools.ws.WsImport', ...wsimport, p.wsdlFile]);
  const stubs = readdirSync(join(generated, 'iti43')).map(name => join(generated, 'iti43', name));
  execFileSync('javac', ['-nowarn', '-cp', classPath, '-d', classes, ...stubs, p.program]);
  return ['-Xmx256m', '--add-opens', 'java.base/java.lang=ALL-UNNAMED', '-cp', classPath];
}

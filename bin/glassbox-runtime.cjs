#!/bin/sh
':' //; unset NODE_EXTRA_CA_CERTS; exec node "$0" "$@"
const fs = require('node:fs');
const path = require('node:path');

/**
 * The OCI runtime's command. A container waits for it: it is one file (scripts/lib/bundle.mjs) with V8's code cache beside
 * it, and this one is CommonJS, since loading an ES module takes Node 6 ms longer. V8 refuses a cache of another version
 * by itself, and then compiles.
 *
 * The second line is a word to JavaScript, and to sh the whole program: certificates that Node is told to read before anything
 * else take it 40 ms, and a runtime speaks to nobody.
 */
const file = path.join(__dirname, '../dist/glassbox-runtime.js');

function read(name, encoding) {
  try {
    return fs.readFileSync(name, encoding);
  } catch (error) {
    if (error.code === 'ENOENT') return null;
    throw error;
  }
}

/** The cache, when it was made of this text by this Node. */
function cacheOf(source) {
  const bytes = read(path.join(__dirname, '../dist/glassbox-runtime.cache'));
  const key = `${source.slice(3, source.indexOf('\n'))} ${process.version} ${process.arch}\n`;
  return bytes !== null && bytes.latin1Slice(0, key.length) === key ? bytes.subarray(key.length) : undefined;
}

const [major, minor] = process.versions.node.split('.').map(Number);
const source = read(file, 'latin1');
if (major < 20 || (major === 20 && minor < 11)) {
  process.stderr.write(`glassbox-runtime: Node.js ${process.versions.node} is too old, 20.11 or newer is needed\n`);
  process.exitCode = 1;
} else if (source === null) {
  process.stderr.write('glassbox-runtime: not built yet, run: npm start\n');
  process.exitCode = 1;
} else {
  const { Script } = require('node:vm');
  const script = new Script(source, { filename: file, cachedData: cacheOf(source) });
  const bundle = { exports: {} };
  script.runInThisContext()(bundle, require, file, path.dirname(file));
  bundle.exports.start(process.argv.slice(2));
}

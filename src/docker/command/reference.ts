import type { CommandSpec, FlagSpec } from './spec.js';
import { COMMANDS, GLOBAL_FLAGS, REFUSED } from './table.js';

/** docs/docker-cli.md: what of docker's command line is here, and what is answered with a refusal. */
export function referencePage(version: string): string {
  const head = `# The docker command of our own

This page is made from \`src/docker/command\`; a test fails when they differ. \`glassbox-docker\` behaves as docker ${version} does,
against any engine that speaks the Docker Engine API 1.24 to 1.50. Exit status: that of docker: 125 wrong flags and failures to make
a container, 126 and 127 a command that cannot be run or is absent, 64 a template of \`inspect\`, \`version\` or \`info\` that cannot be read.

Environment: \`DOCKER_HOST\`, \`DOCKER_CONFIG\`, \`DOCKER_CONTEXT\`, \`DOCKER_API_VERSION\`, \`DOCKER_TLS\`, \`DOCKER_TLS_VERIFY\`, \`DOCKER_CERT_PATH\`,
\`DOCKER_DEFAULT_PLATFORM\`; \`GLASSBOX_LANG\` and the locale choose the language of help's summaries. Of \`config.json\`: \`auths\`, \`credHelpers\` and
\`credsStore\` (read), \`HttpHeaders\`, \`detachKeys\`, \`psFormat\`, \`imagesFormat\`, \`networksFormat\`, \`volumesFormat\`, \`statsFormat\`.

## Differences that are meant

- In tables and errors, control characters of names, labels and messages are left out.
- A pointer inside of a printed struct is shown as \`&{…}\`, where docker prints an address.
- Templates may call each other 1,000 deep (docker: 100,000), and make at most 64 MiB.
- Help lists every flag, also those that the engine is too old for; using one is refused as docker refuses it.
- Too many arguments are answered with "Run '…'", where docker 28 writes "SRun".
- \`docker cp\` to the local file system makes no devices and pipes, and follows no link that the archive brings.
- There is one context, "default"; \`login\` and \`logout\` change the config file, not credential helpers.
- Node keeps the newline translation of a raw terminal: \`\\r\\n\` of a container reaches the terminal as \`\\r\\r\\n\`.
- Where Node is called by name, \`--\` belongs before the script: \`node -- bin/glassbox-docker.mjs\`; Node 20 would take \`--env-file\` for its own.`;
  const refused = [...REFUSED].map(([name, why]) => `| \`docker ${name}\` | ${why} |`).join('\n');
  return `${[
    head,
    `## Refused commands\n\n| command | answer |\n|---|---|\n${refused}`,
    `## In front of the command\n\n${flagsText(GLOBAL_FLAGS)}`,
    ...COMMANDS.map(section),
  ].join('\n\n')}\n`;
}

function section(spec: CommandSpec): string {
  const [name = '', ...others] = spec.names;
  const also = others.length === 0 ? '' : `\n\nAlso ${others.map((other) => `\`docker ${other}\``).join(', ')}.`;
  const flags = spec.flags.length === 0 ? '' : `\n\n${flagsText(spec.flags)}`;
  return `## docker ${name}\n\n\`${`docker ${name} ${spec.usage}`.trim()}\`${also}${flags}`;
}

function flagsText(flags: readonly FlagSpec[]): string {
  const list = (chosen: readonly FlagSpec[]): string =>
    chosen.map(({ name, short }) => `\`--${name}\`${short === null ? '' : ` (\`-${short}\`)`}`).join(', ');
  const supported = flags.filter(({ refused }) => refused !== true);
  const refused = flags.filter((one) => one.refused === true);
  const parts = [
    supported.length === 0 ? '' : `Supported: ${list(supported)}.`,
    refused.length === 0 ? '' : `Refused: ${list(refused)}.`,
  ];
  return parts.filter((part) => part !== '').join('\n\n');
}

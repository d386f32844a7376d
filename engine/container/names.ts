import { randomInt } from 'node:crypto';
import { EngineError } from '../kernel/errors.js';

const FIRST = `amber azure brisk bright calm clear clever cosy crisp curious eager early fair fleet fluent fond frank
fresh gentle glad golden handy happy honest ideal jolly keen kind light lively lucid lucky mellow merry mild modest
neat nimble patient plain polite proud quick quiet rapid ready rosy serene sharp silent silver simple sincere sleek
smooth snug sober solid spry steady still sunny sure swift tidy tranquil trusty upbeat vivid warm wise witty young`
  .split(/\s+/)
  .filter(Boolean);

const SECOND = `acorn anchor apricot aspen badger bamboo beacon beaver birch bison bobcat breeze brook canyon cedar
cherry cicada cliff clover cobalt comet coral cricket crane delta dolphin dune eagle elm ember falcon fern finch fjord
forest fox glacier gorge grove harbor hazel heron hill island ivy jasmine juniper kestrel kite lagoon lake lark lemur
lichen lily linden lotus lynx maple marsh meadow mesa mint moss otter owl panda pebble petrel pine plover pond poplar
quartz rabbit raven reef ridge river robin sable salmon sequoia sparrow spruce squirrel stream summit swallow thicket
tiger trout tulip tundra valley walnut willow wren zebra`
  .split(/\s+/)
  .filter(Boolean);

/** How often a name is tried before digits make it longer. */
const PLAIN_TRIES = 6;

/** A made-up name such as `quiet_otter` that is not taken. */
export function makeName(isTaken: (name: string) => boolean, random: (below: number) => number = randomInt): string {
  for (let attempt = 0; ; attempt++) {
    const plain = `${FIRST[random(FIRST.length)]}_${SECOND[random(SECOND.length)]}`;
    const digits = attempt < PLAIN_TRIES ? '' : String(random(10 ** Math.min(attempt - PLAIN_TRIES + 1, 9)));
    if (!isTaken(plain + digits)) return plain + digits;
  }
}

const CHARACTERS = '[a-zA-Z0-9][a-zA-Z0-9_.-]';
/** NAME_MAX of Linux. A name is never a path here, but it is one of files for many who read it. */
const MAX_NAME = 255;

/** A container's name as a user gives it, without a leading `/`. Begins with a letter or digit: never an option, never `..`. */
export function verifyName(name: string): string {
  const plain = name.startsWith('/') ? name.slice(1) : name;
  if (!/^[a-zA-Z0-9][a-zA-Z0-9_.-]+$/.test(plain) || plain.length > MAX_NAME)
    throw new EngineError(
      'InvalidArgument',
      `Invalid container name (${name.slice(0, MAX_NAME)}), only ${CHARACTERS} are allowed`,
    );
  return plain;
}

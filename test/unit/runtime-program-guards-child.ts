/** Prints the programs of a container and of an exec as they are compiled with the guards that this process has. */
import { containerProgram } from '../../engine/runtime/program/container.js';
import { execProgram } from '../../engine/runtime/program/exec.js';
import { fullContainerPlan, fullExecPlan } from '../helpers/container-plan.js';
import { lines } from './runtime-program-plans.js';

const plan = fullContainerPlan();
// a null device among the standard streams, so that the container's own takes its place
const process = { ...plan.process, nullStdio: [0] };
console.log(
  JSON.stringify({
    container: lines(containerProgram({ ...plan, process }).program.records),
    exec: lines(execProgram(fullExecPlan()).program.records),
  }),
);

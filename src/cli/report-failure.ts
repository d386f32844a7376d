import { type Context, complain } from './context.js';
import { describeError } from './describe-error.js';

/** A failure that reached the top of a command: one sentence, and the stack with --debug. Returns the exit status. */
export function reportFailure(error: unknown, context: Context): number {
  const described = describeError(error);
  complain(context, described.text);
  if (context.debug && error instanceof Error) context.stderr.write(`${error.stack ?? error.message}\n`);
  else if (described.unexpected) {
    complain(context, { en: 'run it again with --debug to see where', zh: '加 --debug 重新运行可查看出错位置' });
  }
  return described.exitCode;
}

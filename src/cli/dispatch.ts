import type { Context } from './context.js';
import { type Invocation, UsageError } from './spec.js';

/** Hand over to the code of one command; each is imported only here, so that the others cost nothing. */
export async function dispatch(invocation: Invocation, context: Context): Promise<number> {
  switch (invocation.command.name) {
    case '': {
      const { openMenu } = await import('./open-menu.js');
      return openMenu(context);
    }
    case 'learn':
      return (await import('./run-learn.js')).runLearn(invocation, context);
    case 'play':
      return (await import('./run-play.js')).runPlay(invocation, context);
    case 'demo':
      return (await import('./run-demo.js')).runDemo(invocation, context);
    case 'doctor':
      return (await import('./run-doctor.js')).runDoctor(invocation, context);
    case 'lesson list':
    case 'lesson test':
    case 'lesson new':
    case 'lesson schema':
    case 'lesson stamp':
      return (await import('./run-lesson.js')).runLesson(invocation, context);
    case 'observe':
      return (await import('./run-observe.js')).runObserve(invocation, context);
    case 'explain':
      return (await import('./run-explain.js')).runExplain(invocation, context);
    case 'completion':
      return (await import('./run-completion.js')).runCompletion(invocation, context);
    case 'docker':
    case 'engine':
    case 'runtime': {
      // bin/glassbox.mjs hands it over when it is the first word; here an option stood before it
      const { name } = invocation.command;
      throw new UsageError(
        { en: `put ${name} first: 'glassbox ${name} …'`, zh: `请把 ${name} 写在最前面：“glassbox ${name} …”` },
        invocation.command,
      );
    }
    case 'lesson':
      throw new UsageError(
        {
          en: 'say what to do with lessons: list, test, new, schema or stamp',
          zh: '请说明要做什么：list、test、new、schema 或 stamp',
        },
        invocation.command,
      );
    default:
      throw new Error(`no code for the command ${invocation.command.name}`);
  }
}

import { existsSync } from 'node:fs';
import { loadCatalogue } from '../lesson/catalogue.js';
import { journalFile } from '../lesson/journal.js';
import { COMMAND_LINE } from './commands.js';
import type { Context } from './context.js';
import { dispatch } from './dispatch.js';
import { parse } from './parse.js';
import { reportFailure } from './report-failure.js';
import { runMenu } from './run-menu.js';

/** The menu with this installation's lessons; a command that fails is told and the menu comes back. */
export function openMenu(context: Context): Promise<number> {
  return runMenu(context, {
    lessons: () => Promise.resolve(loadCatalogue().lessons),
    begun: (lessons) => lessons.some((id) => existsSync(journalFile(id))),
    run: async (words, chosen) => {
      try {
        return await dispatch(parse(COMMAND_LINE, words), chosen);
      } catch (error) {
        return reportFailure(error, chosen);
      }
    },
  });
}

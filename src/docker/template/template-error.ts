/** What Go's text/template says. `atParse`: before anything was evaluated. */
export class TemplateError extends Error {
  override readonly name = 'TemplateError';
}

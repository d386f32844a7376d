/** One line of encoding/csv: fields with commas, quoted where they contain some. */
export function parseCsv(line: string): string[] {
  if (/[\r\n]/.test(line.trimEnd())) throw new Error('record on line 1: wrong number of fields');
  const fields: string[] = [];
  let at = 0;
  for (;;) {
    if (line[at] === '"') {
      let field = '';
      at++;
      for (;;) {
        const end = line.indexOf('"', at);
        if (end < 0)
          throw new Error(`parse error on line 1, column ${line.length + 1}: extraneous or missing " in quoted-field`);
        field += line.slice(at, end);
        at = end + 1;
        if (line[at] !== '"') break;
        field += '"';
        at++;
      }
      fields.push(field);
      if (at >= line.length) return fields;
      if (line[at] !== ',')
        throw new Error(`parse error on line 1, column ${at + 1}: extraneous or missing " in quoted-field`);
      at++;
      continue;
    }
    const comma = line.indexOf(',', at);
    const field = line.slice(at, comma < 0 ? undefined : comma);
    const quote = field.indexOf('"');
    if (quote >= 0) throw new Error(`parse error on line 1, column ${at + quote + 1}: bare " in non-quoted-field`);
    fields.push(field);
    if (comma < 0) return fields;
    at = comma + 1;
  }
}

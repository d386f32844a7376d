/** encoding/json's Indent: the bytes of the text stay, only space between its tokens is new. */
export function indentJson(text: string, prefix = '', step = '    '): string {
  const out: string[] = [];
  let depth = 0;
  const line = (): string => `\n${prefix}${step.repeat(depth)}`;
  const token = /[ \t\r\n]+|"(?:[^"\\]|\\.)*"|[{}[\],:]|[^\s{}[\],:"]+/gy;
  let needsLine = false;
  for (let found = token.exec(text); found !== null; found = token.exec(text)) {
    const [word] = found;
    if (/^\s/.test(word)) continue;
    if (needsLine && word !== ']' && word !== '}') {
      needsLine = false;
      depth++;
      out.push(line());
    }
    switch (word) {
      case '{':
      case '[':
        needsLine = true;
        out.push(word);
        break;
      case ',':
        out.push(word, line());
        break;
      case ':':
        out.push(': ');
        break;
      case '}':
      case ']':
        if (needsLine) needsLine = false;
        else {
          depth--;
          out.push(line());
        }
        out.push(word);
        break;
      default:
        out.push(word);
    }
  }
  return out.join('');
}

/**
 * Go's text/tabwriter with padding 3 and no flags: the cells of a column are as wide as the widest in the lines around that
 * have such a cell; what stands behind the last tab of a line is no cell.
 */
export function tabwriter(text: string, least: number): string {
  const lines = text.split('\n').map((line) => line.split('\t'));
  const widths: number[][] = lines.map(() => []);
  layOut(lines, widths, least);
  return lines
    .map((cells, row) =>
      cells
        .map((cell, column) =>
          column === cells.length - 1 ? cell : cell.padEnd(cell.length + (widths[row]?.[column] ?? 0) - width(cell)),
        )
        .join(''),
    )
    .join('\n');
}

const PADDING = 3;
const width = (cell: string): number => [...cell].length;

function layOut(lines: readonly string[][], widths: number[][], least: number): void {
  const columns = Math.max(...lines.map((cells) => cells.length)) - 1;
  for (let column = 0; column < columns; column++) {
    for (let from = 0; from < lines.length; ) {
      if ((lines[from]?.length ?? 0) - 1 <= column) {
        from++;
        continue;
      }
      let to = from;
      let most = least;
      let hasText = false;
      for (; to < lines.length && (lines[to]?.length ?? 0) - 1 > column; to++) {
        const cell = width(lines[to]?.[column] ?? '');
        if (cell > 0) hasText = true;
        most = Math.max(most, cell + PADDING);
      }
      void hasText;
      for (let row = from; row < to; row++) {
        const list = widths[row];
        if (list !== undefined) list[column] = most;
      }
      from = to;
    }
  }
}

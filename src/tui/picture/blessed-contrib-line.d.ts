/** The one file of blessed-contrib 4.11 that we load, as far as we use it; the package describes its whole only. */
declare module 'blessed-contrib/lib/widget/charts/line.js' {
  interface LineOptions {
    readonly screen: { setEffects(): void };
    readonly width: number;
    readonly height: number;
    readonly minY: number;
    readonly maxY: number;
    readonly numYLabels: number;
    readonly xPadding: number;
    readonly xLabelPadding: number;
    readonly showNthLabel: number;
    readonly style: { readonly line: string; readonly text: string; readonly baseline: string };
  }

  interface LineData {
    readonly x: readonly string[];
    readonly y: readonly number[];
  }

  class Line {
    constructor(options: LineOptions);
    /** Size of the drawing in dots: two to a column, four to a row. */
    canvasSize: { width: number; height: number };
    calcSize(): void;
    /** There after `attach`. */
    readonly ctx: { readonly _canvas: { frame(): string } };
    emit(event: 'attach'): void;
    setData(data: readonly LineData[]): void;
  }

  export default Line;
}

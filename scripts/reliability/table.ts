/** A column of a table: its head, and its text for each row. */
export interface Column<R> {
  readonly head: string;
  /** Aligned left, for text. Without it, a column is aligned right, for numbers. */
  readonly left?: true;
  readonly cell: (row: R) => string;
}

/** A table in Markdown with aligned columns. */
export function markdownTable<R>(columns: readonly Column<R>[], rows: readonly R[]): string {
  const cells = columns.map(({ head, cell }) => [head, ...rows.map(cell)]);
  const widths = cells.map((column) => Math.max(...column.map((text) => text.length), 4));
  const line = (n: number): string =>
    `| ${cells.map((column, i) => padded(column[n] ?? "", widths[i] ?? 0, columns[i]?.left)).join(" | ")} |`;
  const rule = widths.map((width, i) => (columns[i]?.left ? "-".repeat(width) : `${"-".repeat(width - 1)}:`));
  return [line(0), `| ${rule.join(" | ")} |`, ...rows.map((_, n) => line(n + 1))].join("\n");
}

/** A number as text: rounded, with commas between the thousands. */
export function whole(value: number): string {
  return Math.round(value).toLocaleString("en-US");
}

/** Bytes as mebibytes. */
export function mebibytes(bytes: number): string {
  return (bytes / 2 ** 20).toFixed(2);
}

function padded(text: string, width: number, left: true | undefined): string {
  return left ? text.padEnd(width) : text.padStart(width);
}

/**
 * A plain text table: the first column to the left, the others to the right.
 *
 * @param {string[]} head
 * @param {string[][]} rows
 */
export function table(head, rows) {
  const all = [head, ...rows]
  const widths = head.map((_, column) => Math.max(...all.map((row) => row[column].length)))
  const line = (row) =>
    row.map((cell, at) => (at === 0 ? cell.padEnd(widths[at]) : cell.padStart(widths[at]))).join('  ')
  return [line(head), widths.map((width) => '-'.repeat(width)).join('  '), ...rows.map(line)]
    .map((x) => x.trimEnd())
    .join('\n')
}

/** Three significant digits, without an exponent: `0.0712`, `7.12`, `712`. */
export function digits(value) {
  if (value >= 100) return value.toFixed(0)
  return value.toFixed(Math.min(4, Math.max(0, 2 - Math.floor(Math.log10(Math.max(value, 0.001))))))
}

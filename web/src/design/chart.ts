/** The numbers beside a chart's lines, the greatest first: whole ones, and the greatest is not below the data. */
export function ticksFor(most: number): readonly number[] {
  for (let unit = 1; ; unit *= 10) {
    for (const top of [2, 4, 10]) if (most <= top * unit) return [top * unit, (top * unit) / 2, 0];
  }
}

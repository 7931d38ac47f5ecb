/** As many of the lines as fit into `maxLength` characters, then what `describeRest` says of how many were left out. */
export function fitLines(lines: readonly string[], maxLength: number, describeRest: (count: number) => string): string {
  const whole = lines.join("\n");
  if (whole.length <= maxLength) return whole;
  let end = 0;
  let length = 0;
  for (const line of lines) {
    const rest = describeRest(lines.length - end - 1);
    if (length + line.length + 1 + rest.length > maxLength) break;
    length += line.length + 1;
    end++;
  }
  return [...lines.slice(0, end), describeRest(lines.length - end)].join("\n").slice(0, maxLength);
}

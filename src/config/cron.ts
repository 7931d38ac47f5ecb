/** Cron expressions of five fields, in the subset that every scheduler reads alike: `*`, numbers, names, ranges, lists, steps. */

interface CronField {
  readonly min: number;
  readonly max: number;
  /** Three-letter names; the first one stands for `min`. */
  readonly names: readonly string[];
}

const MONTHS = ["jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov", "dec"];
const WEEKDAYS = ["sun", "mon", "tue", "wed", "thu", "fri", "sat"];
/** The most days that each month can have. */
const MONTH_DAYS = [31, 29, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31];

const CRON_FIELDS: readonly CronField[] = [
  { min: 0, max: 59, names: [] },
  { min: 0, max: 23, names: [] },
  { min: 1, max: 31, names: [] },
  { min: 1, max: 12, names: MONTHS },
  { min: 0, max: 6, names: WEEKDAYS },
];

function parseNumber(text: string, field: CronField): number | undefined {
  const nameIndex = field.names.indexOf(text);
  const value = nameIndex >= 0 ? field.min + nameIndex : /^\d{1,2}$/.test(text) ? Number(text) : undefined;
  return value !== undefined && value >= field.min && value <= field.max ? value : undefined;
}

/** The values that one item of a list stands for; undefined when it is not valid. */
function expandItem(item: string, field: CronField): number[] | undefined {
  const [range = "", stepText, ...rest] = item.split("/");
  if (rest.length > 0) return undefined;
  const isRange = range === "*" || range.includes("-");
  const [firstText = "", lastText, ...more] = range.split("-");
  if (more.length > 0) return undefined;
  const first = range === "*" ? field.min : parseNumber(firstText, field);
  const last = range === "*" ? field.max : lastText === undefined ? first : parseNumber(lastText, field);
  if (first === undefined || last === undefined || first > last) return undefined;

  const step = stepText === undefined ? 1 : /^\d{1,2}$/.test(stepText) ? Number(stepText) : 0;
  if (step < 1 || step > field.max || (stepText !== undefined && !isRange)) return undefined;
  const values: number[] = [];
  for (let value = first; value <= last; value += step) values.push(value);
  return values;
}

function expandField(text: string, field: CronField): number[] | undefined {
  const values: number[] = [];
  for (const item of text.split(",")) {
    const expanded = expandItem(item, field);
    if (!expanded) return undefined;
    values.push(...expanded);
  }
  return values;
}

/** The expression with single spaces and small letters; undefined when it is not valid or no day of any year fits it. */
export function parseCron(text: string): string | undefined {
  const parts = text.trim().toLowerCase().split(/\s+/);
  if (parts.length !== CRON_FIELDS.length) return undefined;
  const values = CRON_FIELDS.map((field, index) => expandField(parts[index]!, field));
  if (values.includes(undefined)) return undefined;

  const [, , days = [], months = []] = values;
  // `0 0 31 2 *` is well-formed and never comes: a backup on that schedule would be missed in silence.
  const hasDay = parts[4] !== "*" || months.some((month) => days.some((day) => day <= MONTH_DAYS[month - 1]!));
  return hasDay ? parts.join(" ") : undefined;
}

/** 29 February on a given weekday may be this far away. */
const LONGEST_WAIT_DAYS = 366 * 41;

/** The first moment after `after` that a valid expression names, epoch milliseconds, by the host's clocks. */
export function findNextCronMoment(expression: string, after: number): number | undefined {
  const parts = expression.trim().toLowerCase().split(/\s+/);
  const [minutes = [], hours = [], days = [], months = [], weekdays = []] = CRON_FIELDS.map(
    (field, index) => expandField(parts[index] ?? "", field) ?? [],
  );
  const sorted = (values: readonly number[]): number[] => values.toSorted((a, b) => a - b);
  const first = new Date(after);
  for (let offset = 0; offset < LONGEST_WAIT_DAYS; offset++) {
    const day = new Date(first.getFullYear(), first.getMonth(), first.getDate() + offset);
    const isDay =
      days.includes(day.getDate()) && months.includes(day.getMonth() + 1) && weekdays.includes(day.getDay());
    if (!isDay) continue;
    for (const hour of sorted(hours)) {
      for (const minute of sorted(minutes)) {
        const at = new Date(day.getFullYear(), day.getMonth(), day.getDate(), hour, minute).getTime();
        if (at > after) return at;
      }
    }
  }
  return undefined;
}

import { describeDefault, GROUPS, type GroupName } from "./definition.ts";
import { DEFINITION_LIST, type NamedDefinition } from "./definitions.ts";

const GROUP_NAMES = Object.keys(GROUPS) as readonly GroupName[];

function listGroup(group: GroupName): readonly NamedDefinition[] {
  return DEFINITION_LIST.filter((definition) => definition.group === group);
}

/** `.env.example`: every setting commented out, with its default. Taking all comment marks away changes nothing. */
export function renderEnvExample(): string {
  const lines = [
    "# Settings of Muster. Copy this file to .env, take the mark from the lines you need, and change their values.",
    "# Durations take a unit (500ms, 30s, 5m, 24h), sizes too (64MB). docs/configuration.md tells more.",
  ];
  for (const group of GROUP_NAMES) {
    lines.push("", `## ${GROUPS[group]}`);
    for (const definition of listGroup(group)) {
      const isDynamic = typeof definition.default !== "string";
      const note = isDynamic ? ` (default: ${describeDefault(definition)})` : "";
      lines.push("", `# ${definition.description}${note}`);
      lines.push(`# ${definition.name}=${typeof definition.default === "string" ? definition.default : ""}`);
    }
  }
  return `${lines.join("\n")}\n`;
}

/** A Markdown table with aligned columns, as the formatter would write it. */
function renderTable(rows: readonly (readonly string[])[]): string[] {
  const [heading = []] = rows;
  const widths = heading.map((_, column) => Math.max(3, ...rows.map((row) => row[column]!.length)));
  const renderRow = (cells: readonly string[]): string =>
    `| ${cells.map((cell, column) => cell.padEnd(widths[column]!)).join(" | ")} |`;
  const rule = renderRow(widths.map((width) => "-".repeat(width)));
  return [renderRow(heading), rule, ...rows.slice(1).map(renderRow)];
}

function renderDefault(definition: NamedDefinition): string {
  if (typeof definition.default !== "string") return definition.default.words;
  return definition.default === "" ? "empty" : `\`${definition.default}\``;
}

function renderGroup(group: GroupName): string[] {
  const rows = listGroup(group).map((definition) => {
    const aliases = (definition.aliases ?? []).map((alias) => ` (alias \`${alias}\`)`).join("");
    return [
      `\`${definition.name}\`${aliases}`,
      renderDefault(definition),
      definition.kind.expected,
      definition.applies,
      definition.description,
    ];
  });
  return [
    `### ${GROUPS[group]}`,
    "",
    ...renderTable([["variable", "default", "allowed", "applies", "meaning"], ...rows]),
  ];
}

/** Every key of config/database.json with the setting that it gives. */
function listFileKeys(): readonly { readonly key: string; readonly definition: NamedDefinition }[] {
  return DEFINITION_LIST.flatMap((definition) => (definition.fileKeys ?? []).map((key) => ({ key, definition }))).sort(
    (one, other) => one.key.localeCompare(other.key, "en"),
  );
}

/** Numbers and booleans in JSON's own form, everything with a unit as text. */
function toJsonValue(text: string): string | number | boolean {
  if (text === "true" || text === "false") return text === "true";
  return /^\d+(\.\d+)?$/.test(text) ? Number(text) : text;
}

/** A complete config/database.json with the defaults. */
export function renderDatabaseFileExample(): string {
  const groups: Record<string, Record<string, string | number | boolean>> = {};
  for (const { key, definition } of listFileKeys()) {
    const [group = "", name = ""] = key.split(".");
    groups[group] ??= {};
    groups[group][name] = toJsonValue(definition.example ?? describeDefault(definition));
  }
  return JSON.stringify(groups, null, 2);
}

const INTRODUCTION = `# Configuration

<!-- Written by \`node src/config/write-documentation.ts\` from the table in src/config/definitions.ts; change it there. -->

Muster runs without any setting. Each one below can be given in three places; the first that gives it wins:

1. the environment of the process
2. the file \`.env\` in Muster's folder (\`.env.example\` lists everything)
3. the file \`config/database.json\`, for those that have a key there

Then comes the default. An empty value counts as not given. A wrong value stops the start with one message that names everything that is wrong at once: the variable, what was expected, and what was given (never for secrets). A typo is an error too: keys in \`config/database.json\` that do not exist, and variables in \`.env\` that begin like ours (\`DB_\`, \`DISCORD_\`, \`MONITOR_\`, \`ALERT_\`, \`SANDBOX_\`, \`REMINDER_\`, \`LEGACY_\`, \`LOG_\`) and are none. Other variables are left alone.

How values are written:

- **Durations** are numbers with a unit: \`500ms\`, \`30s\`, \`5m\`, \`24h\`, \`7d\`, \`1w\`, also together: \`1h30m\`. \`0\` needs none.
- **Sizes** are numbers with a unit, in powers of 1024: \`512KB\`, \`64MB\`, \`2GB\`.
- **Percentages** carry their sign: \`5%\`.
- **Switches** are \`true\` or \`false\`; \`1\`/\`0\`, \`yes\`/\`no\` and \`on\`/\`off\` work as well.
- **Schedules** are cron expressions of five fields (minute, hour, day of the month, month, day of the week from 0 = Sunday to 6), with \`*\`, ranges, lists, steps (\`*/6\`) and three-letter names.
- **Paths** are relative to Muster's folder.

\`npm run muster -- config check\` shows each setting with its value and where it comes from.

## Settings

"live" means that a change in \`.env\` or \`config/database.json\` is applied while the bot runs, "restart" that it counts from the next start on.`;

const HOT_RELOAD = `## Changes while the bot runs

Muster watches \`.env\` and \`config/database.json\` (their folders by the system's events, and every 5 seconds by itself, because events are missing on network mounts and in some containers). When they have rested for a moment, both are read and checked together, with the environment, which wins as it does at the start and cannot change while the bot runs:

- All is valid: the live settings are in effect at once. The others keep the value of the start, and are named as waiting for a restart; changed back, they wait no more.
- Anything is wrong, wherever: nothing changes at all, and one message names everything that is wrong, as at the start. It comes once for each content of the files, not with every look.
- A file is deleted: its settings go back to the next place that gives them, or to their defaults. A file that is there and cannot be read is an error instead.

Secrets are never shown, only whether they are set; a secret that is pasted into another setting is hidden there too.`;

const CONNECTED_RULES = `### What belongs together

- \`MONITOR_HOST\` other than loopback needs \`MONITOR_TOKEN\`, unless \`MONITOR_PORT\` is \`0\`.
- \`DB_RETRY_DELAY\` is at most \`DB_MAX_RETRY_DELAY\`.
- \`ALERT_WARNING_RESPONSE\` is less than \`ALERT_CRITICAL_RESPONSE\`, and \`ALERT_WARNING_ERROR_RATE\` less than \`ALERT_CRITICAL_ERROR_RATE\`.
- \`SANDBOX_PORT\` and \`MONITOR_PORT\` differ while the built-in sandbox is used (no \`DISCORD_TOKEN\`), unless they are \`0\`.
- \`DB_BACKUP_SCHEDULE\` and \`DB_BACKUP_INTERVAL_HOURS\` are two ways to say the same: giving both in one place is an error; from different places, the one that wins counts alone.
- A setting that is given twice in one place under two names (\`DATABASE_PATH\` and \`DB_PATH\`) must have the same value.`;

/** `docs/configuration.md`. */
export function renderConfigurationDoc(): string {
  const keyRows = listFileKeys().map(({ key, definition }) => [`\`${key}\``, `\`${definition.name}\``]);
  return [
    INTRODUCTION,
    ...GROUP_NAMES.flatMap((group) => ["", ...renderGroup(group)]),
    "",
    CONNECTED_RULES,
    "",
    HOT_RELOAD,
    "",
    "## config/database.json",
    "",
    "An optional file for the database's settings in groups. Values are written as above; numbers and `true`/`false` may stand without quotes, durations keep their unit. All keys may be left out; this example has the defaults, but for `interval_hours`, which takes the place of `DB_BACKUP_SCHEDULE`:",
    "",
    "```json",
    renderDatabaseFileExample(),
    "```",
    "",
    ...renderTable([["key", "the same as"], ...keyRows]),
    "",
  ].join("\n");
}

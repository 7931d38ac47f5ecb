import type { Snapshot } from "../../live/live-frames.ts";
import { nameOf } from "../ui/names.ts";
import { KIND, type CommandOption } from "./command-model.ts";
import type { OptionValue } from "./option-value.ts";

/** A line of the list above the command box. */
export interface Suggestion {
  readonly key: string;
  readonly label: string;
  readonly value: OptionValue;
  readonly userId?: string;
  readonly color?: number;
  readonly detail?: string;
}

const MAX_SHOWN = 25;

/** What can be chosen for an option, of what was typed; undefined where anything may be typed. */
export function suggestValues(option: CommandOption, world: Snapshot, typed: string): Suggestion[] | undefined {
  const all = listAll(option, world);
  if (!all) return undefined;
  const wanted = typed.trim().toLowerCase().replace(/^[@#]/, "");
  return all
    .filter(({ label, detail = "" }) => `${label} ${detail}`.toLowerCase().includes(wanted))
    .sort((a, b) => Number(b.label.toLowerCase().startsWith(wanted)) - Number(a.label.toLowerCase().startsWith(wanted)))
    .slice(0, MAX_SHOWN);
}

function listAll(option: CommandOption, world: Snapshot): Suggestion[] | undefined {
  if (option.choices) {
    return option.choices.map(({ name, value }) => ({ key: String(value), label: name, value }));
  }
  switch (option.type) {
    case KIND.boolean:
      return [true, false].map((value) => ({ key: String(value), label: value ? "True" : "False", value }));
    case KIND.user:
      return listUsers(world);
    case KIND.role:
      return listRoles(world);
    case KIND.channel:
      return listChannels(world, option.channel_types);
    case KIND.mentionable:
      return [...listUsers(world), ...listRoles(world)];
    default:
      return undefined;
  }
}

export function listUsers(world: Snapshot): Suggestion[] {
  const memberIds = world.guilds[0]?.members.map(({ userId }) => userId) ?? world.users.map(({ id }) => id);
  return memberIds.map((userId) => ({
    key: userId,
    label: nameOf(world, userId),
    value: userId,
    userId,
    detail: world.users.find(({ id }) => id === userId)?.username ?? "",
  }));
}

export function listRoles(world: Snapshot): Suggestion[] {
  return (world.guilds[0]?.roles ?? []).map(({ id, name, color }) => ({
    key: id,
    label: `@${name.replace(/^@/, "")}`,
    value: id,
    color,
  }));
}

export function listChannels(world: Snapshot, types?: readonly number[]): Suggestion[] {
  return (world.guilds[0]?.channels ?? [])
    .filter(({ type }) => types === undefined || types.length === 0 || types.includes(type))
    .map(({ id, name }) => ({ key: id, label: `#${name}`, value: id }));
}

import type { ApplicationCommandOptionChoiceData } from "discord.js";
import { isVerified } from "../../../database/backup/snapshot-catalogue.ts";
import type { SnapshotManifest } from "../../../database/backup/snapshot-manifest.ts";
import type { BackupTools } from "../../backup-tools.ts";
import { Refusal, type AutocompleteContext } from "../../command.ts";
import { escapeInline, truncate } from "../../input/escape.ts";
import type { Texts } from "../../texts/texts.ts";

const MAX_CHOICES = 25;
const MAX_CHOICE_LENGTH = 100;
const MAX_SHOWN_LENGTH = 100;

/** The backups whose time, id, reason or comment has what was typed, the newest first. */
export async function completeBackup({
  services,
  focused,
}: AutocompleteContext): Promise<ApplicationCommandOptionChoiceData<string>[]> {
  const { snapshots } = (await services.backups?.manager.list()) ?? { snapshots: [] };
  const wanted = focused.value.trim().toLowerCase();
  return snapshots
    .map(({ manifest }) => ({ name: describeChoice(manifest, services.texts), value: manifest.id }))
    .filter(({ name }) => name.toLowerCase().includes(wanted))
    .slice(0, MAX_CHOICES)
    .map(({ name, value }) => ({ name: truncate(name, MAX_CHOICE_LENGTH), value }));
}

/** Choices are plain text, where Discord shows nobody their own time: this is UTC, and says so. */
function describeChoice(manifest: SnapshotManifest, texts: Texts): string {
  const { createdAt, id, reason, comment } = manifest;
  const time = `${new Date(createdAt).toISOString().slice(0, 16).replace("T", " ")} UTC`;
  return texts.admin.backup.choice({ time, id, reason, comment, isDamaged: !isVerified(manifest) });
}

/** Throws a Refusal unless there is something with that id, be it usable or not. */
export async function requireBackupId(given: string, { manager }: BackupTools, texts: Texts): Promise<string> {
  const id = given.trim().toLowerCase();
  const { snapshots, problems } = await manager.list();
  if (snapshots.some(({ manifest }) => manifest.id === id) || problems.some((problem) => problem.id === id)) return id;
  throw new Refusal(texts.admin.backup.unknownBackup(escapeInline(truncate(given, MAX_SHOWN_LENGTH))));
}

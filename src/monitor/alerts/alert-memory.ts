import { readFile } from "node:fs/promises";
import { z } from "zod";
import { writeFileDurably } from "../../core/durable-file.ts";
import type { Logger } from "../../core/logger.ts";
import type { StoredMatter } from "./alert-matter.ts";

const severity = z.enum(["warning", "critical"]);
const fileSchema = z.object({
  version: z.literal(1),
  alerts: z.array(
    z.object({
      ...{ key: z.string(), title: z.string(), text: z.string(), severity, saidSeverity: severity },
      ...{ startedAt: z.number(), saidAt: z.number(), count: z.number(), isOccurrence: z.boolean() },
      sources: z.array(z.enum(["sample", "event", "occurrence"])),
    }),
  ),
});

/** What people were told of and is not over, in a small file: a bot that starts again and again does not tell it each time. */
export class AlertMemory {
  readonly #path: string;
  readonly #logger: Logger;
  #lastSave: Promise<void> = Promise.resolve();
  #wanted: (() => readonly StoredMatter[]) | undefined;
  #isFailing = false;

  constructor(path: string, logger: Logger) {
    this.#path = path;
    this.#logger = logger;
  }

  /** Nothing when there is none, or when it cannot be understood: then it is told once more. */
  async load(): Promise<readonly StoredMatter[]> {
    try {
      return fileSchema.parse(JSON.parse(await readFile(this.#path, "utf8"))).alerts;
    } catch (error) {
      const isMissing = error instanceof Error && "code" in error && error.code === "ENOENT";
      if (!isMissing) this.#logger.warn("the alerts of before the restart cannot be read", { error });
      return [];
    }
  }

  /** In the background, one after another; only the newest state of those that wait is written. */
  save(get: () => readonly StoredMatter[]): void {
    const isWaiting = this.#wanted !== undefined;
    this.#wanted = get;
    if (!isWaiting) this.#lastSave = this.#lastSave.then(() => this.#save());
  }

  /** Resolves when everything is written. */
  async settle(): Promise<void> {
    await this.#lastSave;
  }

  async #save(): Promise<void> {
    const alerts = this.#wanted?.() ?? [];
    this.#wanted = undefined;
    try {
      await writeFileDurably(this.#path, JSON.stringify({ version: 1, alerts }));
      this.#isFailing = false;
    } catch (error) {
      // A full disk brings many alerts, and fails each time.
      if (!this.#isFailing) this.#logger.warn("alerts cannot be kept for after a restart", { error });
      this.#isFailing = true;
    }
  }
}

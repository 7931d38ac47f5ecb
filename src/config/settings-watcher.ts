import { stat } from "node:fs/promises";
import { join } from "node:path";
import { isDeepStrictEqual } from "node:util";
import { type Clock, sleep } from "../core/clock.ts";
import { isMusterError, type MusterError } from "../core/errors.ts";
import { Interval } from "../core/interval.ts";
import type { SettingName } from "./definitions.ts";
import { FileEvents, watchFolder, type WatchFolder } from "./file-events.ts";
import { type DescribedChange, describeSettingsChange, hasChange, type LiveSettings } from "./live-settings.ts";
import {
  DATABASE_FILE,
  ENV_FILE,
  type LoadOptions,
  loadSettingsFromFiles,
  readSettingFiles,
  type SettingFiles,
} from "./load-settings.ts";
import { listProblems, type Problem } from "./problems.ts";
import type { Settings, SettingsChange } from "./settings.ts";

/**
 * Hot reload. The settings' files are looked at every few seconds, and at once when the system tells of a change. A
 * change is read only when the files have rested for a moment, because an editor that empties a file before it writes
 * it would otherwise put the defaults into effect. What is read is validated as a whole: it is applied, or it changes
 * nothing.
 */

/** What came of a look at the files. Plain data without secrets, but for the error's stack. */
export type SettingsReport =
  | { readonly kind: "unchanged" }
  | AppliedReport
  | RejectedReport
  /** The files were invalid, and say again what is in effect or already known to wait. */
  | { readonly kind: "corrected" };

export interface AppliedReport extends SettingsChange {
  readonly kind: "applied";
  /** Settings that waited for a restart and were changed back to what is in effect. */
  readonly withdrawn: readonly SettingName[];
  readonly changes: readonly DescribedChange[];
}

export interface RejectedReport {
  readonly kind: "rejected";
  /** CONFIG_INVALID; its message names everything that is wrong. */
  readonly error: MusterError;
  readonly problems: readonly Problem[];
}

/** The files of a folder on a file system. */
export interface FilesAccess {
  /** What tells one version of the files from another without reading them. */
  fingerprint(folder: string): Promise<string>;
  read(folder: string): Promise<SettingFiles>;
}

export interface SettingsWatcherOptions {
  /** Where `.env` and `config/database.json` are. */
  readonly folder: string;
  readonly settings: LiveSettings;
  readonly clock: Clock;
  /** Told once about each content that changes something or is invalid; never "unchanged". */
  readonly onReport: (report: Exclude<SettingsReport, { kind: "unchanged" }>) => void;
  /** Receives what looking at the files, or `onReport`, throws; the watching goes on. */
  readonly onError: (error: unknown) => void;
  /** Default: the process's own. */
  readonly environment?: NonNullable<LoadOptions["environment"]>;
  /** Milliseconds between two looks at the files; default 5,000. */
  readonly pollMs?: number;
  /** Milliseconds for which the files must rest before they are read; default 250. */
  readonly debounceMs?: number;
  readonly watchFolder?: WatchFolder;
  readonly files?: FilesAccess;
}

const POLL_MS = 5_000;
const DEBOUNCE_MS = 250;
/** Files that change all the time are read all the same in the end, so that a caller of `check` is not kept waiting. */
const MAX_READINGS = 10;
/** Twice: on file systems with coarse times a change just after a reading leaves no trace but the content. */
const READINGS_PER_CHANGE = 2;

export class SettingsWatcher {
  readonly #options: SettingsWatcherOptions;
  readonly #debounceMs: number;
  readonly #interval: Interval;
  readonly #access: FilesAccess;
  #events: FileEvents | undefined;

  #fingerprint: string | undefined;
  /** When a change was last noticed, on the monotonic clock. */
  #changedAt = 0;
  #readingsLeft = 0;

  #files: SettingFiles | undefined;
  #rejection: RejectedReport | undefined;
  #lastCheck: Promise<unknown> = Promise.resolve();

  constructor(options: SettingsWatcherOptions) {
    const { clock, onError, pollMs = POLL_MS, debounceMs = DEBOUNCE_MS } = options;
    this.#options = options;
    this.#debounceMs = debounceMs;
    this.#access = options.files ?? { fingerprint: takeFingerprint, read: readSettingFiles };
    this.#interval = new Interval({
      clock,
      everyMs: () => (this.#readingsLeft === READINGS_PER_CHANGE ? Math.max(0, this.#restLeftMs()) : pollMs),
      run: () => this.#look(),
      onError,
    });
  }

  /** Also finds what changed between the loading of the settings and now. */
  start(): void {
    if (this.#events) return;
    const onEvent = (): void => {
      this.#noticeChange();
      this.#interval.trigger();
    };
    this.#events = new FileEvents(this.#options.folder, onEvent, this.#options.watchFolder ?? watchFolder);
    this.#noticeChange();
    this.#interval.start();
    this.#interval.trigger();
  }

  async stop(): Promise<void> {
    this.#events?.close();
    this.#events = undefined;
    await this.#interval.stop();
    await this.#lastCheck;
  }

  /**
   * Reads the files now, whether or not they seem to have changed. A content that is still invalid is reported to the
   * caller each time. Checks follow one another, so that an older content never replaces a newer one.
   */
  check(): Promise<SettingsReport> {
    const check = this.#lastCheck.then(() => this.#examine());
    this.#lastCheck = check.catch(() => undefined);
    return check;
  }

  #noticeChange(): void {
    this.#changedAt = this.#options.clock.monotonic();
    this.#readingsLeft = READINGS_PER_CHANGE;
  }

  /** Milliseconds until the files have rested for long enough; counted, because several events may tell of one change. */
  #restLeftMs(): number {
    return this.#changedAt + this.#debounceMs - this.#options.clock.monotonic();
  }

  async #look(): Promise<void> {
    await this.#events?.refresh();
    const fingerprint = await this.#access.fingerprint(this.#options.folder);
    if (fingerprint !== this.#fingerprint) this.#noticeChange();
    this.#fingerprint = fingerprint;
    if (this.#readingsLeft === 0 || this.#restLeftMs() > 0) return;
    this.#readingsLeft--;
    await this.check();
  }

  async #examine(): Promise<SettingsReport> {
    const files = await this.#readAtRest();
    if (isDeepStrictEqual(files, this.#files)) return this.#rejection ?? { kind: "unchanged" };
    const report = this.#evaluate(files);
    this.#files = files;
    if (report.kind !== "unchanged") this.#tell(report);
    return report;
  }

  /** Reads until nothing was written meanwhile, so that a half-written file is not taken for a whole one. */
  async #readAtRest(): Promise<SettingFiles> {
    const { folder, clock } = this.#options;
    for (let reading = 1; ; reading++) {
      const before = await this.#access.fingerprint(folder);
      const files = await this.#access.read(folder);
      if (reading === MAX_READINGS || (await this.#access.fingerprint(folder)) === before) return files;
      await sleep(clock, this.#debounceMs);
    }
  }

  #evaluate(files: SettingFiles): SettingsReport {
    const { settings } = this.#options;
    const wasRejected = this.#rejection !== undefined;
    let next: Settings;
    try {
      next = this.#load(files);
    } catch (error) {
      if (!isMusterError(error, "CONFIG_INVALID")) throw error;
      this.#rejection = { kind: "rejected", error, problems: listProblems(error) };
      return this.#rejection;
    }
    this.#rejection = undefined;
    const change = settings.apply(next);
    if (!hasChange(change)) return { kind: wasRejected ? "corrected" : "unchanged" };
    const { live, restart, withdrawn } = change;
    return { kind: "applied", live, restart, withdrawn, changes: describeSettingsChange(change) };
  }

  #load(files: SettingFiles): Settings {
    const { settings, environment } = this.#options;
    const { secrets } = settings;
    return loadSettingsFromFiles(files, { secrets, ...(environment === undefined ? {} : { environment }) });
  }

  #tell(report: Exclude<SettingsReport, { kind: "unchanged" }>): void {
    try {
      this.#options.onReport(report);
    } catch (error) {
      this.#options.onError(error);
    }
  }
}

async function takeFingerprint(folder: string): Promise<string> {
  const take = (name: string): Promise<string> =>
    stat(join(folder, name), { bigint: true }).then(
      ({ dev, ino, size, mtimeNs, ctimeNs }) => [dev, ino, size, mtimeNs, ctimeNs].join(":"),
      (error: unknown) => String((error as NodeJS.ErrnoException).code),
    );
  return (await Promise.all([take(ENV_FILE), take(DATABASE_FILE)])).join(" ");
}

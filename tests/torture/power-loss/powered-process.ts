import { fork, type ChildProcess } from "node:child_process";
import { once } from "node:events";
import { closeSync, mkdirSync, openSync, readFileSync, realpathSync, writeSync } from "node:fs";
import { join } from "node:path";
import { encodeNote, parseJournal, type JournalRecord } from "./journal.ts";
import { shimEnvironment } from "./shim.ts";

/**
 * A process whose every change to its disk is noted. What it reports goes to the same journal, behind the changes that
 * came before it: so each place in the journal is a moment at which power can be cut, and says what was promised by then.
 */
export class PoweredProcess {
  /** What it sees as its disk. */
  readonly root: string;
  readonly #journalPath: string;
  readonly #child: ChildProcess;
  /** Resolves when it has ended, and everything that it reported is in the journal. */
  readonly ended: Promise<unknown>;
  readonly reports: unknown[] = [];

  constructor(folder: string, script: string, parameters: readonly string[] = []) {
    this.root = join(realpathSync(folder), "disk");
    this.#journalPath = join(folder, "journal");
    mkdirSync(this.root);
    const journal = openSync(this.#journalPath, "a");
    const env = { ...process.env, ...shimEnvironment(folder, this.root, this.#journalPath) };
    this.#child = fork(script, [this.root, ...parameters], { execArgv: [], env });
    this.#child.on("message", (report) => {
      this.reports.push(report);
      writeSync(journal, encodeNote(JSON.stringify(report)));
      // What takes a promise back is waited for. It may be killed by now.
      if (JSON.stringify(report).includes("forgotten")) this.#child.send("noted", () => undefined);
    });
    // What it sent before its end is read until the channel closes.
    this.ended = Promise.all([once(this.#child, "exit"), once(this.#child, "disconnect")]).then(() =>
      closeSync(journal),
    );
  }

  get isRunning(): boolean {
    return this.#child.exitCode === null && this.#child.signalCode === null;
  }

  async kill(): Promise<void> {
    this.#child.kill("SIGKILL");
    await this.ended;
  }

  /** Resolves when it has ended by itself. */
  async stop(): Promise<void> {
    if (this.#child.connected) this.#child.send("stop");
    await this.ended;
  }

  readJournal(): JournalRecord[] {
    return parseJournal(readFileSync(this.#journalPath));
  }
}

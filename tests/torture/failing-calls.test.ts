import { execFileSync } from "node:child_process";
import { existsSync, mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { withFolder } from "../helpers/database.ts";
import { databasePathIn, type TortureFolders } from "../helpers/torture-database.ts";
import { inspectAfterTorture, NOTHING_LOST, TortureProcess, TortureTally } from "../helpers/torture-process.ts";
import { reportTorture, STALL_LIMIT_MS } from "../helpers/torture-report.ts";

/*
 * Calls to the operating system that fail, made so by libfiu (Debian: fiu-utils), which is loaded before everything
 * else and told over a pipe what is to fail.
 */
const LIBRARIES = ["fiu_run_preload.so", "fiu_posix_preload.so"].map((name) => `/usr/lib/fiu/${name}`);
const isInstalled = LIBRARIES.every((path) => existsSync(path));

/** Values of errno. */
const EIO = 5;
const EMFILE = 24;
const ENOSPC = 28;

interface FailingCall {
  readonly call: string;
  readonly points: readonly string[];
  readonly errno: number;
  /** Fails as well, so that the calls are made: under load alone, files stay open and keep their size. */
  readonly trigger?: { readonly point: string; readonly errno: number; readonly how: "once" | "always" };
  /** A code that is logged when one of the calls has failed, or the reason of a state; undefined = nobody is told. */
  readonly evidence: RegExp | undefined;
}

const SYNC_POINTS = ["posix/io/sync/fdatasync", "posix/io/sync/fsync"];
const PWRITE = "posix/io/rw/pwrite";

const CALLS: readonly FailingCall[] = [
  { call: "pwrite, EIO", points: [PWRITE], errno: EIO, evidence: /^SQLITE_IOERR_WRITE$/ },
  { call: "pwrite, ENOSPC", points: [PWRITE], errno: ENOSPC, evidence: /^SQLITE_FULL$/ },
  // SQLite writes the rest, and says nothing.
  { call: "pwrite, cut short", points: ["posix/io/rw/pwrite/reduce"], errno: 0, evidence: undefined },
  { call: "pread, EIO", points: ["posix/io/rw/pread"], errno: EIO, evidence: /^SQLITE_(CORRUPT|IOERR)/ },
  { call: "fsync, EIO", points: SYNC_POINTS, errno: EIO, evidence: /^SQLITE_IOERR_FSYNC$/ },
  {
    call: "ftruncate, EIO, while the WAL is emptied for a full disk",
    points: ["posix/io/rw/ftruncate"],
    errno: EIO,
    trigger: { point: PWRITE, errno: ENOSPC, how: "once" },
    evidence: /^SQLITE_IOERR_TRUNCATE$/,
  },
  {
    call: "open, EMFILE, while the connection is replaced",
    points: ["posix/io/oc/open"],
    errno: EMFILE,
    // Once is not enough: the next try goes through, and the connection is kept.
    trigger: { point: PWRITE, errno: EIO, how: "always" },
    // As the reason of a state: the queue opens files too.
    evidence: /too many open files|unable to open/,
  },
];

const LASTING_MS = 3_000;
const RANDOM_MS = 6_000;
const BETWEEN_MS = 500;
/** A slow probe comes after 30 s. */
const NORMAL_WITHIN_MS = 45_000;

const pause = (durationMs: number): Promise<void> => new Promise((resolve) => setTimeout(resolve, durationMs));

/** A process whose calls can be made to fail. */
class SabotagedProcess {
  readonly service: TortureProcess;
  readonly #pipePrefix: string;

  constructor(service: TortureProcess, pipePrefix: string) {
    this.service = service;
    this.#pipePrefix = pipePrefix;
  }

  fail(points: readonly string[], errno: number, how: "once" | "always" | { readonly probability: number }): void {
    for (const point of points) {
      const failure = `name=${point},failinfo=${errno}`;
      if (how === "once") this.#order(`enable ${failure},onetime`);
      else if (how === "always") this.#order(`enable ${failure}`);
      else this.#order(`enable_random ${failure},probability=${how.probability}`);
    }
  }

  heal(points: readonly string[]): void {
    for (const point of points) this.#order(`disable name=${point}`);
  }

  #order(command: string): void {
    execFileSync("fiu-ctrl", ["-f", this.#pipePrefix, "-c", command, String(this.service.pid)], { timeout: 10_000 });
  }
}

async function withSabotagedProcess(
  fault: string,
  folders: TortureFolders,
  tally: TortureTally,
  body: (process: SabotagedProcess) => Promise<readonly number[]>,
): Promise<void> {
  const pipes = mkdtempSync(join(tmpdir(), "muster-fiu-"));
  const pipePrefix = join(pipes, "ctrl");
  const environment = { LD_PRELOAD: LIBRARIES.join(" "), FIU_CTRL_FIFO: pipePrefix, FIU_ENABLE: "" };
  const service = await TortureProcess.start(folders, tally, environment);
  try {
    const normalAfterSeconds = await body(new SabotagedProcess(service, pipePrefix));
    await service.stop();
    const findings = await inspectAfterTorture(folders, tally);
    reportTorture({ fault, rounds: normalAfterSeconds.length, tally, findings, normalAfterSeconds });
    expect(findings).toEqual(NOTHING_LOST);
    expect(tally.longestStallMs).toBeLessThan(STALL_LIMIT_MS);
  } catch (error) {
    throw new Error(`${fault}: ${[...tally.reasons].join("\n")}`, { cause: error });
  } finally {
    if (service.isRunning) await service.kill();
    rmSync(pipes, { recursive: true });
  }
}

function withNewSabotagedProcess(
  fault: string,
  body: (process: SabotagedProcess) => Promise<readonly number[]>,
): Promise<TortureTally> {
  return withFolder(async (folder) => {
    const tally = new TortureTally();
    await withSabotagedProcess(fault, { database: folder, spool: join(folder, "spool") }, tally, body);
    return tally;
  });
}

(isInstalled ? describe : describe.skip)("calls to the operating system that fail under load", () => {
  for (const { call, points, errno, trigger, evidence } of CALLS) {
    const failFor = async (process: SabotagedProcess, how: "once" | "always", durationMs: number): Promise<number> => {
      process.fail(points, errno, how);
      if (trigger) process.fail([trigger.point], trigger.errno, trigger.how);
      await pause(durationMs);
      process.heal(trigger ? [...points, trigger.point] : points);
      return process.service.awaitNormal(NORMAL_WITHIN_MS);
    };

    it(`${call}: once or for seconds, loses nothing that was acknowledged, and service comes back`, async () => {
      const tally = await withNewSabotagedProcess(call, async (process) => {
        const normalAfterSeconds: number[] = [];
        for (let round = 0; round < 3; round++) {
          normalAfterSeconds.push(await failFor(process, "once", BETWEEN_MS));
          normalAfterSeconds.push(await failFor(process, "always", LASTING_MS));
        }
        return normalAfterSeconds;
      });
      // Else the test would hold without any call having failed.
      if (evidence)
        expect([...tally.faultsByCode.keys(), ...tally.reasons]).toContainEqual(expect.stringMatching(evidence));
    });
  }

  it("any of them at random: loses nothing that was acknowledged, and service comes back", async () => {
    const points = [...new Set(CALLS.flatMap((it) => it.points))];
    await withNewSabotagedProcess("any call at random, 2 %", async (process) => {
      process.fail(points, EIO, { probability: 0.02 });
      await pause(RANDOM_MS);
      process.heal(points);
      return [await process.service.awaitNormal(NORMAL_WITHIN_MS)];
    });
  });

  it("reads of a file that was deleted: its last copy, in the open handle, is not given up", async () => {
    await withFolder(async (folder) => {
      // From a process before, so that the writer has to read it from the disk.
      const folders = { database: folder, spool: join(folder, "spool") };
      const earlier = new TortureTally();
      const first = await TortureProcess.start(folders, earlier);
      await pause(1_000);
      await first.stop();
      const points = ["posix/io/rw/pread"];
      await withSabotagedProcess("pread, EIO, after the file was deleted", folders, earlier, async (process) => {
        process.fail(points, EIO, "always");
        ["", "-wal", "-shm"].forEach((suffix) => rmSync(databasePathIn(folders) + suffix, { force: true }));
        await pause(LASTING_MS);
        process.heal(points);
        return [await process.service.awaitNormal(NORMAL_WITHIN_MS)];
      });
    });
  });
});

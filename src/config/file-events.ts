import { type FSWatcher, watch } from "node:fs";
import { stat } from "node:fs/promises";
import { basename, dirname, join } from "node:path";
import { DATABASE_FILE, ENV_FILE } from "./load-settings.ts";

/** Calls `onEvent` with the name of the entry that changed, or null where the system does not tell it. */
export type WatchFolder = (folder: string, onEvent: (name: string | null) => void, onEnd: () => void) => () => void;

/** The system's own events; they do not keep the process alive. Throws where they cannot be had. */
export const watchFolder: WatchFolder = (folder, onEvent, onEnd) => {
  const watcher: FSWatcher = watch(folder, { persistent: false }, (_, name) => onEvent(name));
  watcher.on("error", () => {
    watcher.close();
    onEnd();
  });
  return () => watcher.close();
};

interface Watch {
  readonly inode: bigint;
  readonly close: () => void;
}

interface WatchedFolder {
  readonly path: string;
  /** Entries that concern the settings. */
  readonly names: readonly string[];
  watch?: Watch | undefined;
}

/**
 * Events of the folders that hold the settings' files. Folders rather than files are watched, because an editor that
 * saves by renaming puts another file in the place of the watched one. Only a hint that comes early: where events are
 * missing (network mounts, containers, no watches left), whoever uses it must look by itself now and then.
 */
export class FileEvents {
  readonly #folders: readonly WatchedFolder[];
  readonly #onEvent: () => void;
  readonly #watchFolder: WatchFolder;
  #isOpen = true;

  constructor(folder: string, onEvent: () => void, watchFolder: WatchFolder) {
    this.#onEvent = onEvent;
    this.#watchFolder = watchFolder;
    this.#folders = [
      { path: folder, names: [ENV_FILE, dirname(DATABASE_FILE)] },
      { path: join(folder, dirname(DATABASE_FILE)), names: [basename(DATABASE_FILE)] },
    ];
  }

  /** Watches folders that have come or were replaced, and lets go of those that are gone. */
  async refresh(): Promise<void> {
    for (const folder of this.#folders) {
      const inode = await stat(folder.path, { bigint: true }).then(
        ({ ino }) => ino,
        () => undefined,
      );
      if (!this.#isOpen) return;
      if (folder.watch?.inode === inode) continue;
      this.#end(folder);
      if (inode !== undefined) folder.watch = this.#begin(folder, inode);
    }
  }

  close(): void {
    this.#isOpen = false;
    for (const folder of this.#folders) this.#end(folder);
  }

  #begin(folder: WatchedFolder, inode: bigint): Watch | undefined {
    const onEvent = (name: string | null): void => {
      if (name === null || folder.names.includes(name)) this.#onEvent();
    };
    try {
      return { inode, close: this.#watchFolder(folder.path, onEvent, () => (folder.watch = undefined)) };
    } catch {
      // No watches left, or the folder is gone again: the caller's own looking finds what changes.
      return undefined;
    }
  }

  #end(folder: WatchedFolder): void {
    folder.watch?.close();
    folder.watch = undefined;
  }
}

import { mkdirSync, readdirSync, readFileSync, statSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { createFolder, createFolderSync, writeFileDurably } from "../../src/core/durable-file.ts";
import { withFolder } from "../helpers/database.ts";

describe("writeFileDurably", () => {
  it("replaces the content and leaves nothing beside, readable for the bot's user alone", async () => {
    await withFolder(async (folder) => {
      const path = join(folder, "a.json");
      writeFileSync(path, "old", { mode: 0o644 });
      await writeFileDurably(path, "new");
      await writeFileDurably(path, Buffer.from("newer"));
      expect(readFileSync(path, "utf8")).toBe("newer");
      expect(readdirSync(folder)).toEqual(["a.json"]);
      expect(statSync(path).mode & 0o777).toBe(0o600);
    });
  });

  it("leaves the old content when writing fails, and nothing beside it", async () => {
    await withFolder(async (folder) => {
      const path = join(folder, "a.json");
      writeFileSync(path, "old");
      const unwritable = {
        get length(): number {
          throw new Error("torn");
        },
      };
      await expect(writeFileDurably(path, unwritable as unknown as Uint8Array)).rejects.toThrow();
      expect(readFileSync(path, "utf8")).toBe("old");
      expect(readdirSync(folder)).toEqual(["a.json"]);
    });
  });

  it("leaves nothing beside what it cannot replace", async () => {
    await withFolder(async (folder) => {
      mkdirSync(join(folder, "taken"));
      writeFileSync(join(folder, "taken", "inside"), "");
      await expect(writeFileDurably(join(folder, "taken"), "new")).rejects.toThrow();
      expect(readdirSync(folder)).toEqual(["taken"]);
    });
  });

  it("keeps one of the contents whole when several are written at once", async () => {
    await withFolder(async (folder) => {
      const path = join(folder, "a.json");
      const contents = Array.from({ length: 8 }, (_, index) => String(index).repeat(200_000 - index * 10_000));
      await Promise.all(contents.map((content) => writeFileDurably(path, content)));
      expect(contents).toContain(readFileSync(path, "utf8"));
      expect(readdirSync(folder)).toEqual(["a.json"]);
    });
  });

  it("makes folders that are the bot's own", async () => {
    await withFolder(async (folder) => {
      await createFolder(join(folder, "a", "b"));
      expect(statSync(join(folder, "a")).mode & 0o777).toBe(0o700);
      expect(statSync(join(folder, "a", "b")).mode & 0o777).toBe(0o700);
      await createFolder(join(folder, "a", "b"));
    });
  });
});

describe("createFolderSync", () => {
  it("makes what is missing on the way, for the bot's user alone, and leaves what is there", async () => {
    await withFolder((folder) => {
      createFolderSync(join(folder, "a", "b", "c"));
      createFolderSync(join(folder, "a", "b"));
      for (const path of ["a", "a/b", "a/b/c"]) expect(statSync(join(folder, path)).mode & 0o777).toBe(0o700);
    });
  });
});

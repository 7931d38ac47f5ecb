import { ReadCache } from "../../src/database/read-cache.ts";

/** Keeps a value as if it had been asked for and answered at once. */
function put(cache: ReadCache, key: string, value: unknown, tags: readonly string[] = ["tag"]): void {
  cache.put(key, value, tags, 1_000, cache.moment);
}

describe("ReadCache", () => {
  it("gives what was put, until a write touches one of its tags", () => {
    const cache = new ReadCache(() => 10);
    put(cache, "both", 1, ["a", "b"]);
    put(cache, "other", 2, ["c"]);
    cache.touch(["d"]);
    expect(cache.getFresh("both")).toMatchObject({ value: 1, readAt: 1_000 });
    cache.touch(["b", "d"]);
    expect(cache.getFresh("both")).toBeUndefined();
    expect(cache.getFresh("other")).toMatchObject({ value: 2 });
    put(cache, "both", 3, ["a", "b"]);
    expect(cache.getFresh("both")).toMatchObject({ value: 3 });
  });

  it("gives an outdated answer as the last one", () => {
    const cache = new ReadCache(() => 10);
    expect(cache.getLast("key")).toBeUndefined();
    put(cache, "key", "old");
    cache.touch(["tag"]);
    expect(cache.getFresh("key")).toBeUndefined();
    expect(cache.getLast("key")).toMatchObject({ value: "old", readAt: 1_000 });
  });

  it("counts an answer that a write has overtaken as outdated from the start", () => {
    const cache = new ReadCache(() => 10);
    const { moment } = cache;
    cache.touch(["tag"]);
    cache.put("key", "old", ["tag"], 1_000, moment);
    expect(cache.getFresh("key")).toBeUndefined();
    expect(cache.getLast("key")).toMatchObject({ value: "old" });
  });

  it("keeps the newer answer when an older one comes in after it", () => {
    const cache = new ReadCache(() => 10);
    const { moment } = cache;
    cache.touch(["tag"]);
    put(cache, "key", "new");
    cache.put("key", "old", ["tag"], 900, moment);
    expect(cache.getFresh("key")).toMatchObject({ value: "new" });
  });

  it("has nothing fresh left after everything was touched", () => {
    const cache = new ReadCache(() => 10);
    const { moment } = cache;
    for (const key of ["a", "b"]) put(cache, key, key, [key]);
    cache.touchAll();
    cache.put("c", "c", ["c"], 1_000, moment);
    for (const key of ["a", "b", "c"]) {
      expect(cache.getFresh(key)).toBeUndefined();
      expect(cache.getLast(key)).toMatchObject({ value: key });
    }
  });

  it("makes room by dropping what was not used for longest", () => {
    const cache = new ReadCache(() => 2);
    for (const key of ["a", "b"]) put(cache, key, key);
    cache.getFresh("a");
    put(cache, "c", "c");
    expect(["a", "b", "c"].map((key) => cache.getLast(key)?.value)).toEqual(["a", undefined, "c"]);
    expect(cache.statistics.size).toBe(2);
  });

  it("follows its capacity, which may change, with the next answer", () => {
    let capacity = 4;
    const cache = new ReadCache(() => capacity);
    for (const key of ["a", "b", "c", "d"]) put(cache, key, key);
    capacity = 2;
    put(cache, "e", "e");
    expect(cache.statistics.size).toBe(2);
    expect(cache.getFresh("d")).toBeDefined();
    capacity = 0;
    put(cache, "f", "f");
    expect(cache.statistics.size).toBe(0);
    expect(cache.getLast("e")).toBeUndefined();
  });

  it("keeps nothing with a capacity of 0, and no answer that depends on nothing", () => {
    const none = new ReadCache(() => 0);
    put(none, "key", 1);
    expect(none.getLast("key")).toBeUndefined();
    const cache = new ReadCache(() => 10);
    put(cache, "key", 1, []);
    expect(cache.getLast("key")).toBeUndefined();
  });

  it("counts hits and misses", () => {
    const cache = new ReadCache(() => 10);
    cache.getFresh("key");
    put(cache, "key", 1);
    cache.getFresh("key");
    cache.getFresh("key");
    cache.touch(["tag"]);
    cache.getFresh("key");
    cache.getLast("key");
    expect(cache.statistics).toEqual({ size: 1, hitCount: 2, missCount: 2 });
  });

  it("lets nobody change what it gives to all", () => {
    const cache = new ReadCache(() => 10);
    const value = { list: [{ answer: "yes" }], nothing: null };
    put(cache, "key", value);
    expect(() => (value.list[0]!.answer = "no")).toThrow(TypeError);
    expect(() => value.list.push({ answer: "no" })).toThrow(TypeError);
    expect(() => Object.assign(value, { nothing: 1 })).toThrow(TypeError);
    expect(cache.getFresh("key")?.value).toEqual({ list: [{ answer: "yes" }], nothing: null });
  });

  it("freezes an answer that it does not keep as well, so that a caller's mistake shows with every setting", () => {
    const cache = new ReadCache(() => 0);
    const value = [1];
    put(cache, "key", value);
    expect(() => value.push(2)).toThrow(TypeError);
  });
});

import { existsSync, globSync, readFileSync } from "node:fs";
import { dirname, join, relative, resolve } from "node:path";
import ts from "typescript";

const root = resolve(import.meta.dirname, "..");
const src = join(root, "src");

/** Who may import whom. A part may also import itself. Everything else is a wrong arrow. */
const CORE = ["core"];
const DATABASE = [...CORE, "config", "resilience"];
const STORE = [...DATABASE, "database"];
const SERVICES = [...STORE, "store", "roll-call"];
/** What talks to people: it may draw. */
const FRONTS = [...SERVICES, "charts"];
const ARROWS: Readonly<Record<string, readonly string[]>> = {
  core: [],
  config: CORE,
  resilience: CORE,
  database: DATABASE,
  store: STORE,
  "roll-call": [...STORE, "store"],
  charts: [...CORE, "database", "store"],
  bot: FRONTS,
  monitor: FRONTS,
  cli: [...SERVICES, "monitor"],
  sandbox: CORE,
  "app-parts.ts": [...SERVICES, "bot"],
  "app.ts": [...FRONTS, "bot", "monitor", "app-parts.ts"],
  "main.ts": [...SERVICES, "bot", "app.ts", "sandbox"],
};

/** Packages that only some parts may use. */
const PACKAGE_HOMES: Readonly<Record<string, readonly string[]>> = {
  "better-sqlite3": ["database"],
  cockatiel: ["resilience"],
  "discord.js": ["bot", "app.ts"],
  fastify: ["monitor", "sandbox"],
  "prom-client": ["monitor"],
  ws: ["sandbox"],
  echarts: ["charts", "monitor"],
  "@resvg/resvg-js": ["charts"],
  "dejavu-fonts-ttf": ["charts"],
  dotenv: ["config"],
  winston: ["core"],
  commander: ["cli"],
  "cli-progress": ["cli"],
};
/** Runs in browsers, so it may reach only what does too. */
const WEB = "monitor/web/";
const WEB_NEIGHBOURS = [
  "monitor/client.ts",
  "monitor/client/monitor-error.ts",
  "monitor/event-stream.ts",
  "monitor/api-types.ts",
  "database/health/health-types.ts",
];
/** Packages for pages, and where pages are. */
const WEB_FOLDERS = [WEB, "sandbox/web/"];
const WEB_PACKAGES = ["react", "react-dom", "vite"];
/** A second SQLite in the process would unlink the live -wal of the first. */
const FORBIDDEN_PACKAGES = ["node:sqlite"];
/** A process of its own, and the only one that reaches a database as a stranger does: nothing imports it. */
const SABOTEUR = "sandbox/chaos/saboteur.ts";
/** Tells libuv the size of its pool, which it reads from the environment when the pool is first used. */
const THREAD_POOL = "core/thread-pool.ts";
/** For the entries: an end that a hanging disk cannot hold up. */
const PROCESS_ENDER = "core/end-process.ts";
/** Files that a person or a supervisor starts. */
const ENTRIES = ["main.ts", "cli/main.ts"];

interface SourceFile {
  readonly path: string;
  readonly part: string;
  readonly text: string;
  readonly imports: readonly string[];
}

const files: readonly SourceFile[] = globSync("**/*.{ts,tsx}", { cwd: src }).map((path) => {
  const text = readFileSync(join(src, path), "utf8");
  const imports = ts.preProcessFile(text, true, true).importedFiles.map(({ fileName }) => fileName);
  return { path, part: path.split("/")[0]!, text, imports };
});

function resolveImport(file: SourceFile, specifier: string): string {
  return relative(src, resolve(src, dirname(file.path), specifier));
}

function isRelative(specifier: string): boolean {
  return specifier.startsWith(".");
}

function packageOf(specifier: string): string {
  const [first = "", second = ""] = specifier.split("/");
  return first.startsWith("@") ? `${first}/${second}` : first;
}

/** Comments say what is forbidden too; only code counts. */
function codeOf(file: SourceFile): string {
  return file.text.replace(/\/\*[\s\S]*?\*\//g, "").replace(/^\s*\/\/.*$/gm, "");
}

describe("architecture", () => {
  it("finds the sources", () => {
    expect(files.length).toBeGreaterThan(50);
  });

  it("knows every part of src", () => {
    const unknown = files.filter(({ part }) => !(part in ARROWS)).map(({ path }) => path);
    expect(unknown).toEqual([]);
  });

  it("lets arrows point one way only", () => {
    const wrong = files.flatMap((file) =>
      file.imports
        .filter(isRelative)
        .map((specifier) => resolveImport(file, specifier))
        .filter((target) => target.split("/")[0] !== file.part && !ARROWS[file.part]?.includes(target.split("/")[0]!))
        .map((target) => `${file.path} → ${target}`),
    );
    expect(wrong).toEqual([]);
  });

  it("has no cycles, not even of types", () => {
    const targets = new Map(
      files.map((file) => [
        file.path,
        file.imports.filter(isRelative).map((specifier) => resolveImport(file, specifier)),
      ]),
    );
    const done = new Set<string>();
    const cycles: string[] = [];
    const visit = (path: string, trail: readonly string[]): void => {
      if (trail.includes(path)) cycles.push([...trail.slice(trail.indexOf(path)), path].join(" → "));
      if (done.has(path) || trail.includes(path)) return;
      for (const target of targets.get(path) ?? []) visit(target, [...trail, path]);
      done.add(path);
    };
    for (const path of targets.keys()) visit(path, []);
    expect(cycles).toEqual([]);
  });

  it("keeps packages where they belong", () => {
    const strays = files.flatMap((file) =>
      file.imports
        .filter((specifier) => !isRelative(specifier))
        .map(packageOf)
        .filter(
          (name) =>
            (FORBIDDEN_PACKAGES.includes(name) && file.path !== SABOTEUR) ||
            (PACKAGE_HOMES[name] && !PACKAGE_HOMES[name].includes(file.part)),
        )
        .map((name) => `${file.path} imports ${name}`),
    );
    expect(strays).toEqual([]);
  });

  it("keeps what runs in browsers and what does not apart", () => {
    const mayReach = (target: string): boolean =>
      target.startsWith(WEB) || WEB_NEIGHBOURS.includes(target) || /^charts\/(?!.*(draw|picture))/.test(target);
    const isStray = (file: SourceFile, specifier: string): boolean => {
      const isPage = WEB_FOLDERS.some((folder) => file.path.startsWith(folder));
      if (!isRelative(specifier))
        return isPage ? specifier.startsWith("node:") : WEB_PACKAGES.includes(packageOf(specifier));
      const target = resolveImport(file, specifier);
      return file.path.startsWith(WEB) ? !mayReach(target) : target.startsWith(WEB);
    };
    const strays = files.flatMap((file) =>
      file.imports
        .filter((specifier) => isStray(file, specifier))
        .map((specifier) => `${file.path} imports ${specifier}`),
    );
    expect(strays).toEqual([]);
    expect(files.some(({ path }) => path.startsWith(WEB))).toBe(true);
  });

  it("writes .ts in relative imports, to files that exist", () => {
    const wrong = files.flatMap((file) =>
      file.imports
        .filter(isRelative)
        .filter(
          (specifier) => !/\.(tsx?|css)$/.test(specifier) || !existsSync(join(src, resolveImport(file, specifier))),
        )
        .map((specifier) => `${file.path}: ${specifier}`),
    );
    expect(wrong).toEqual([]);
  });

  it("has no barrels", () => {
    const barrels = files.filter((file) => /^export \* from/m.test(codeOf(file)));
    expect(barrels.map(({ path }) => path)).toEqual([]);
  });

  it("reads the environment in config only", () => {
    const readers = files.filter((file) => file.part !== "config" && /\bprocess\.env\b/.test(codeOf(file)));
    expect(readers.map(({ path }) => path)).toEqual([THREAD_POOL]);
  });

  it("ends the process in entries only", () => {
    const enders = files.filter(
      (file) => !ENTRIES.includes(file.path) && /\bprocess\.(exit|abort)\b/.test(codeOf(file)),
    );
    expect(enders.map(({ path }) => path)).toEqual([PROCESS_ENDER]);
  });

  it("keeps SQL in the store and the database layer", () => {
    const statement = /["'`]\s*(SELECT|INSERT INTO|UPDATE|DELETE FROM|CREATE TABLE)\s/;
    const strays = files
      .filter(({ part, path }) => !["store", "database"].includes(part) && path !== SABOTEUR)
      .filter((file) => statement.test(codeOf(file)));
    expect(strays.map(({ path }) => path)).toEqual([]);
  });
});

describe("documents", () => {
  it("cite only paths that exist", () => {
    const documents = globSync(["README.md", "docs/*.md"], { cwd: root });
    const missing = documents.flatMap((document) =>
      [...readFileSync(join(root, document), "utf8").matchAll(/`((?:src|tests|docs|bench)\/[\w./-]+)`/g)]
        .map(([, path]) => path!)
        .filter((path) => !existsSync(join(root, path)))
        .map((path) => `${document}: ${path}`),
    );
    expect(documents.length).toBeGreaterThan(3);
    expect(missing).toEqual([]);
  });
});

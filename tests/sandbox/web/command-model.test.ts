import type { APIApplicationCommand } from "discord-api-types/v10";
import {
  findFault,
  KIND,
  listCommands,
  readTypedCommand,
  searchCommands,
  toOptionValues,
  type CommandOption,
} from "../../../src/sandbox/web/command/command-model.ts";

const USE_COMMANDS = 1n << 31n;
const MANAGE_GUILD = 1n << 5n;
const ADMINISTRATOR = 1n << 3n;

function command(name: string, more: object = {}): APIApplicationCommand {
  return { name, type: 1, description: `does ${name}`, ...more } as unknown as APIApplicationCommand;
}

const option = (name: string, type: number, more: object = {}): CommandOption => ({
  ...{ name, type, description: "" },
  ...more,
});

const EVENT = command("event", {
  options: [
    option("create", KIND.subcommand, {
      options: [option("every", KIND.text), option("title", KIND.text, { required: true, max_length: 5 })],
    }),
    option("show", KIND.subcommand),
  ],
});

const inGuild = (permissions: bigint) => ({ isDirect: false, permissions });
const paths = (...args: Parameters<typeof listCommands>): string[] => listCommands(...args).map(({ path }) => path);

describe("the commands that are offered", () => {
  it("are those that the person may use, subcommands one by one, required options first", () => {
    const hidden = command("audit", { default_member_permissions: MANAGE_GUILD.toString() });
    const forAdmins = command("reset", { default_member_permissions: "0" });
    const all = [EVENT, hidden, forAdmins];
    expect(paths(all, [], inGuild(USE_COMMANDS))).toEqual(["event create", "event show"]);
    expect(paths(all, [], inGuild(USE_COMMANDS | MANAGE_GUILD))).toContain("audit");
    expect(paths(all, [], inGuild(USE_COMMANDS | ADMINISTRATOR))).toContain("reset");
    expect(paths(all, [], inGuild(0n))).toEqual([]);
    const [create] = listCommands(all, [], inGuild(USE_COMMANDS));
    expect(create?.options.map(({ name }) => name)).toEqual(["title", "every"]);
  });

  it("are in direct messages those that allow it, and none of a server's own", () => {
    const all = [command("ping"), command("here", { dm_permission: false }), command("there", { contexts: [0] })];
    expect(paths(all, [], { isDirect: true, permissions: 0n })).toEqual(["ping"]);
    const own = [command("ping", { guild_id: "1" })];
    expect(paths(all, own, inGuild(USE_COMMANDS))).toEqual(["here", "ping", "there"]);
    expect(paths([], own, { isDirect: true, permissions: 0n })).toEqual([]);
  });

  it("are found by their beginning first, then by any part, then by what they do", () => {
    const entries = listCommands([EVENT, command("show-all"), command("ping")], [], inGuild(USE_COMMANDS));
    expect(searchCommands(entries, "show").map(({ path }) => path)).toEqual(["show-all", "event show"]);
    expect(searchCommands(entries, "does p").map(({ path }) => path)).toEqual(["ping"]);
    expect(searchCommands(entries, "nothing")).toEqual([]);
  });

  it("are read with their options once a space follows", () => {
    const entries = listCommands([EVENT], [], inGuild(USE_COMMANDS));
    expect(readTypedCommand(entries, "/event crea")).toBeUndefined();
    const typed = readTypedCommand(entries, "/event create title:Friday: raid every:24h");
    expect(typed?.values).toEqual({ title: { text: "Friday: raid" }, every: { text: "24h" } });
  });
});

describe("a value of an option", () => {
  const faultOf = (type: number, text: string, more: object = {}): string | undefined =>
    findFault(option("x", type, more), { text });

  it("may be missing only where it is not required", () => {
    expect(findFault(option("x", KIND.text), undefined)).toBeUndefined();
    expect(faultOf(KIND.text, "  ", { required: true })).toMatch(/required/);
  });

  it("has to keep its limits", () => {
    expect(faultOf(KIND.text, "abcdef", { max_length: 5 })).toMatch(/at most 5/);
    expect(faultOf(KIND.text, "a", { min_length: 2 })).toMatch(/at least 2/);
    expect(faultOf(KIND.integer, "1.5")).toBe("Input a valid integer.");
    expect(faultOf(KIND.number, "x")).toBe("Input a valid number.");
    expect(faultOf(KIND.integer, "0", { min_value: 1 })).toMatch(/at least 1/);
    expect(faultOf(KIND.number, "9.5", { max_value: 9 })).toMatch(/at most 9/);
    expect(faultOf(KIND.number, "8.5", { max_value: 9 })).toBeUndefined();
  });

  it("has to be chosen where there is a choice", () => {
    const choices = [{ name: "Open", value: "open" }];
    expect(faultOf(KIND.text, "Open", { choices })).toMatch(/choose one/);
    expect(findFault(option("x", KIND.text, { choices }), { text: "Open", chosen: "open" })).toBeUndefined();
    expect(faultOf(KIND.user, "Somebody")).toMatch(/valid user/);
  });

  it("is sent as what it is, and not at all while it is empty or wrong", () => {
    const options = [
      option("n", KIND.integer),
      option("t", KIND.text),
      option("u", KIND.user),
      option("b", KIND.boolean),
    ];
    const entry = { path: "x", description: "", options };
    const values = { n: { text: "7" }, t: { text: " a " }, u: { text: "who" }, b: { text: "False", chosen: false } };
    expect(toOptionValues(entry, values)).toEqual({ n: 7, t: "a", b: false });
  });
});

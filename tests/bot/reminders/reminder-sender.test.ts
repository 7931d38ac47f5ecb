import { DiscordAPIError, type Client } from "discord.js";
import { ReminderSender, type Delivery } from "../../../src/bot/reminders/reminder-sender.ts";
import { silentLogger } from "../../../src/core/logger.ts";
import { JumpingClock } from "../../helpers/jumping-clock.ts";

const DELIVERY: Delivery = {
  ...{
    reminderId: "01ARZ3NDEKTSV4RRFFQ69G5FAV",
    channelId: "100000000000000002",
    sentMessageCount: 0,
    resumed: undefined,
  },
  message: { firstLine: "Friday raid waits for you", continuationLine: "Friday raid", link: "" },
};
/** So many that they need several messages. */
const PEOPLE = Array.from({ length: 200 }, (_, index) => String(100_000_000_000_000_000n + BigInt(index)));

function refuse(code: number, status: number): DiscordAPIError {
  return new DiscordAPIError({ code, message: "no" }, code, status, "POST", "https://discord.test", {});
}

/** A Discord that takes messages, but for what `refusal` throws; who they reached. */
class Rig {
  readonly clock = new JumpingClock();
  readonly reached: string[] = [];
  readonly tried: string[] = [];
  readonly warnings: string[] = [];
  refusal: (userId: string) => Error | undefined = () => undefined;
  readonly sender: ReminderSender;

  constructor() {
    const users = { send: async (userId: string) => this.#take(userId) };
    const send = async ({ content }: { content: string }) => {
      this.#take("channel");
      return { id: "200000000000000001", content };
    };
    const channels = { fetch: async () => ({ isSendable: () => true, send }) };
    const logger = { ...silentLogger, warn: (message: string) => void this.warnings.push(message) };
    this.sender = new ReminderSender({ users, channels } as unknown as Client, this.clock, logger, () => 1);
  }

  direct(): Promise<string[]> {
    return this.sender.direct(DELIVERY, PEOPLE, this.#note);
  }

  mention(): Promise<void> {
    return this.sender.mention(DELIVERY, PEOPLE, this.#note);
  }

  readonly #note = async (userIds: readonly string[]): Promise<void> => void this.reached.push(...userIds);

  #take(receiver: string): void {
    this.tried.push(receiver);
    const refusal = this.refusal(receiver);
    if (refusal) throw refusal;
  }
}

describe("direct messages of a reminder", () => {
  const person = PEOPLE[3]!;
  const others = PEOPLE.filter((id) => id !== person);
  let rig: Rig;
  beforeEach(() => {
    rig = new Rig();
  });

  it.each([
    ["who takes none", 50007, 403, 0],
    ["who shares no server with the bot any more", 50278, 403, 0],
    ["who is gone", 10013, 404, 0],
    ["to whom Discord allows none for a reason of its own", 40001, 403, 1],
  ])("reach all but one %s, who is named", async (_who, code, status, warningCount) => {
    rig.refusal = (userId) => (userId === person ? refuse(code, status) : undefined);
    expect(await rig.direct()).toEqual([person]);
    expect(rig.reached).toEqual(others);
    expect(rig.tried).toHaveLength(PEOPLE.length);
    expect(rig.warnings).toHaveLength(warningCount);
  });

  it("wait while too many were opened, and reach everyone", async () => {
    let refusals = 2;
    rig.refusal = (userId) => (userId === person && refusals-- > 0 ? refuse(40003, 400) : undefined);
    expect(await rig.direct()).toEqual([]);
    expect(rig.reached).toEqual(PEOPLE);
    expect(rig.clock.waitsMs).toEqual([1_000, 4_000]);
  });

  it("name everyone from then on when too many were opened, and that does not pass", async () => {
    rig.refusal = (userId) => (PEOPLE.indexOf(userId) >= 3 ? refuse(40003, 400) : undefined);
    expect(await rig.direct()).toEqual(PEOPLE.slice(3));
    expect(rig.reached).toEqual(PEOPLE.slice(0, 3));
    expect(rig.clock.waitsMs).toHaveLength(3);
  });

  it.each([
    ["Discord does not know the bot", refuse(0, 401), 1],
    ["Discord is in trouble", refuse(0, 503), 4],
  ])("end when %s", async (_why, error, tries) => {
    rig.refusal = (userId) => (userId === person ? error : undefined);
    await expect(rig.direct()).rejects.toBe(error);
    expect(rig.tried.filter((id) => id === person)).toHaveLength(tries);
  });
});

describe("a stop while a reminder is sent", () => {
  it.each(["direct", "mention"] as const)("ends it before the next message (%s)", async (kind) => {
    const rig = new Rig();
    rig.refusal = () => void rig.sender.stop();
    await expect(rig[kind]()).rejects.toMatchObject({ code: "SHUTTING_DOWN" });
    expect(rig.tried).toHaveLength(1);
    // What went out is noted all the same.
    expect(rig.reached.length).toBeGreaterThan(0);
  });

  it.each(["direct", "mention"] as const)("is told from a refusal: the client is gone by then (%s)", async (kind) => {
    const rig = new Rig();
    rig.refusal = () => {
      rig.sender.stop();
      return new Error("Expected token to be set for this request, but none was present");
    };
    await expect(rig[kind]()).rejects.toMatchObject({ code: "SHUTTING_DOWN" });
  });
});

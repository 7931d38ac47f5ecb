import {
  ActionRowBuilder,
  ApplicationCommandOptionType,
  ButtonBuilder,
  ButtonStyle,
  MessageFlags,
  ModalBuilder,
  PermissionFlagsBits,
  StringSelectMenuBuilder,
  TextInputBuilder,
  TextInputStyle,
  UserSelectMenuBuilder,
  type ApplicationCommandDataResolvable,
  type ChatInputCommandInteraction,
} from "discord.js";
import { isMusterError } from "../../src/core/errors.ts";
import { startTestBot, type TestBot } from "./test-bot.ts";

const COMMANDS: ApplicationCommandDataResolvable[] = [
  { name: "ping", description: "Answers" },
  {
    name: "event",
    description: "Events",
    options: [
      {
        type: ApplicationCommandOptionType.Subcommand,
        name: "create",
        description: "Creates",
        options: [
          {
            type: ApplicationCommandOptionType.String,
            name: "title",
            description: "Title",
            required: true,
            maxLength: 100,
          },
          { type: ApplicationCommandOptionType.Role, name: "audience", description: "Who" },
          { type: ApplicationCommandOptionType.Channel, name: "channel", description: "Where" },
          { type: ApplicationCommandOptionType.User, name: "host", description: "Host" },
          { type: ApplicationCommandOptionType.Integer, name: "count", description: "Count", minValue: 1, maxValue: 9 },
          { type: ApplicationCommandOptionType.Boolean, name: "open", description: "Open" },
          { type: ApplicationCommandOptionType.Attachment, name: "file", description: "File" },
        ],
      },
      {
        type: ApplicationCommandOptionType.Subcommand,
        name: "show",
        description: "Shows",
        options: [
          {
            type: ApplicationCommandOptionType.String,
            name: "event",
            description: "Which",
            required: true,
            autocomplete: true,
          },
        ],
      },
    ],
  },
  { name: "admin", description: "For admins", defaultMemberPermissions: PermissionFlagsBits.ManageGuild },
];

function asCommand(interaction: unknown): ChatInputCommandInteraction<"cached"> {
  return interaction as ChatInputCommandInteraction<"cached">;
}

describe("interactions", () => {
  let bot: TestBot;
  let where: { channelId: string };

  beforeAll(async () => {
    bot = await startTestBot({ sandbox: { limits: { interactionDeadlineMs: 300 } } });
    await bot.client.application.commands.set(COMMANDS);
    where = { channelId: bot.ids.generalChannelId };
  });

  beforeEach(() => {
    bot.errors.length = 0;
  });

  afterAll(() => bot.stop());

  const member = () => bot.sandbox.as(bot.ids.memberIds[0]!);

  it("registers, keeps and deletes commands, global and of one guild", async () => {
    const registered = await bot.client.application.commands.fetch();
    expect(registered.map((command) => command.name)).toEqual(["ping", "event", "admin"]);
    const guildCommand = await bot.client.application.commands.create(
      { name: "here", description: "Only here" },
      bot.ids.guildId,
    );
    const before = registered.find((command) => command.name === "ping")!.id;
    await bot.client.application.commands.set(COMMANDS);
    const again = await bot.client.application.commands.fetch();
    expect(again.find((command) => command.name === "ping")!.id).toBe(before);
    await bot.client.application.commands.edit(guildCommand.id, { description: "Changed" }, bot.ids.guildId);
    const fetched = await bot.client.application.commands.fetch(guildCommand.id, { guildId: bot.ids.guildId });
    expect(fetched.description).toBe("Changed");
    await bot.client.application.commands.delete(guildCommand.id, bot.ids.guildId);
    await expect(
      bot.client.application.commands.fetch(guildCommand.id, { guildId: bot.ids.guildId, force: true }),
    ).rejects.toMatchObject({ code: 10_063 });
  });

  it("carries a reply in the channel to everyone", async () => {
    bot.onInteraction = (interaction) => asCommand(interaction).reply("pong");
    const outcome = await member().command("ping", {}, where);
    expect(outcome.status).toBe("replied");
    expect(outcome.isEphemeral).toBe(false);
    expect(outcome.message?.content).toBe("pong");
    expect(outcome.firstResponseMs).toBeGreaterThan(0);
    expect(bot.sandbox.world.messages(where.channelId).at(-1)?.id).toBe(outcome.message?.id);
  });

  it("gives the bot every kind of option with what it stands for", async () => {
    const seen: Record<string, unknown> = {};
    bot.onInteraction = async (interaction) => {
      const { options, member: user, memberPermissions, appPermissions } = asCommand(interaction);
      seen["sub"] = options.getSubcommand();
      seen["title"] = options.getString("title", true);
      seen["audience"] = options.getRole("audience", true).name;
      seen["channel"] = options.getChannel("channel", true).name;
      seen["host"] = options.getMember("host")?.displayName;
      seen["count"] = options.getInteger("count");
      seen["open"] = options.getBoolean("open");
      const file = options.getAttachment("file", true);
      seen["file"] = await (await fetch(file.url)).text();
      seen["user"] = user.displayName;
      seen["manages"] = memberPermissions.has(PermissionFlagsBits.ManageGuild);
      seen["embeds"] = appPermissions.has(PermissionFlagsBits.EmbedLinks);
      await asCommand(interaction).reply({ content: "ok", flags: MessageFlags.Ephemeral });
    };
    await bot.sandbox.as(bot.ids.moderatorId).command(
      "event create",
      {
        title: "x",
        audience: bot.ids.crewRoleId,
        channel: bot.ids.rollCallsChannelId,
        host: bot.ids.memberIds[1]!,
        count: 3,
        open: true,
        file: { filename: "a.txt", data: Buffer.from("content") },
      },
      where,
    );
    expect(bot.errors).toEqual([]);
    expect(seen).toEqual({
      sub: "create",
      title: "x",
      audience: "Crew",
      channel: "roll-calls",
      host: "Member 2",
      count: 3,
      open: true,
      file: "content",
      user: "Moderator",
      manages: true,
      embeds: true,
    });
  });

  it.each([
    ["an unknown command", "nothing", {}, /no command/],
    ["an unknown subcommand", "event remove", {}, /no subcommand/],
    ["a missing subcommand", "event", {}, /needs a subcommand/],
    ["an unknown option", "event create", { title: "x", other: 1 }, /no option "other"/],
    ["a missing required option", "event create", {}, /needs option "title"/],
    ["a text that is too long", "event create", { title: "x".repeat(101) }, /characters long/],
    ["a number out of range", "event create", { title: "x", count: 10 }, /between 1 and 9/],
    ["an id that does not exist", "event create", { title: "x", audience: "123456789012345678" }, /exists here/],
  ])("refuses %s as Discord's client does", async (_what, name, values, message) => {
    await expect(member().command(name, values, where)).rejects.toThrow(message);
  });

  it("follows a deferred answer through its edit, with an upload, to a follow-up", async () => {
    bot.onInteraction = async (interaction) => {
      const command = asCommand(interaction);
      await command.deferReply({ flags: MessageFlags.Ephemeral });
      await command.editReply({
        content: "here",
        files: [{ attachment: Buffer.from("1,2"), name: "export.csv", description: "numbers" }],
      });
      const followUp = await command.followUp({ content: "more", flags: MessageFlags.Ephemeral });
      await command.editReply({ message: followUp, content: "much more" });
    };
    const outcome = await member().command("ping", {}, where);
    expect(outcome.status).toBe("deferred");
    const message = await outcome.settled();
    expect(message?.content).toBe("here");
    expect(message?.attachments[0]).toMatchObject({ filename: "export.csv", size: 3, description: "numbers" });
    expect(await (await fetch(message!.attachments[0]!.url)).text()).toBe("1,2");
    expect(outcome.isEphemeral).toBe(true);
    await bot.sandbox.waitFor(() => outcome.followUps[0]?.content === "much more");
    expect(bot.sandbox.world.messages(where.channelId).some((shown) => shown.content === "here")).toBe(false);
    expect(
      member()
        .messages(where.channelId)
        .some((shown) => shown.content === "here"),
    ).toBe(true);
    expect(bot.errors).toEqual([]);
  });

  it("lets the first follow-up fill a deferred answer", async () => {
    bot.onInteraction = async (interaction) => {
      await asCommand(interaction).deferReply();
      await asCommand(interaction).followUp("filled");
    };
    const outcome = await member().command("ping", {}, where);
    expect((await outcome.settled())?.content).toBe("filled");
    expect(outcome.followUps).toEqual([]);
  });

  it("returns, fetches and deletes the answer for the bot", async () => {
    let deletedId = "";
    bot.onInteraction = async (interaction) => {
      const command = asCommand(interaction);
      const response = await command.reply({ content: "short-lived", withResponse: true });
      const fetched = await command.fetchReply();
      expect(fetched.id).toBe(response.resource!.message!.id);
      await command.deleteReply();
      deletedId = fetched.id;
    };
    const outcome = await member().command("ping", {}, where);
    await bot.sandbox.waitFor(() => deletedId !== "" || bot.errors.length > 0);
    expect(bot.errors).toEqual([]);
    expect(outcome.message).toBeUndefined();
  });

  it("offers what autocomplete answers, and shows the bot what is typed", async () => {
    bot.onInteraction = async (interaction) => {
      if (!interaction.isAutocomplete()) return;
      const focused = interaction.options.getFocused(true);
      await interaction.respond([{ name: `${focused.name}:${focused.value}`, value: "1" }]);
    };
    const choices = await member().autocomplete("event show", { event: "ab" }, "event", where);
    expect(choices).toEqual([{ name: "event:ab", value: "1" }]);
  });

  it("refuses more than 25 choices", async () => {
    bot.onInteraction = async (interaction) => {
      if (!interaction.isAutocomplete()) return;
      await interaction.respond(Array.from({ length: 26 }, (_, index) => ({ name: `${index}`, value: `${index}` })));
    };
    await expect(member().autocomplete("event show", { event: "" }, "event", where)).rejects.toThrow(/offered nothing/);
    expect(bot.errors[0]).toMatchObject({ code: 50_035 });
  });

  it("carries buttons, updates of their message and menus, also on ephemeral answers", async () => {
    const button = new ButtonBuilder().setCustomId("next").setLabel("Next").setStyle(ButtonStyle.Primary);
    const menu = new StringSelectMenuBuilder().setCustomId("pick").addOptions({ label: "A", value: "a" });
    bot.onInteraction = async (interaction) => {
      if (interaction.isChatInputCommand()) {
        await interaction.reply({
          content: "page 1",
          flags: MessageFlags.Ephemeral,
          components: [
            new ActionRowBuilder<ButtonBuilder>().addComponents(button),
            new ActionRowBuilder<StringSelectMenuBuilder>().addComponents(menu),
          ],
        });
      } else if (interaction.isButton()) {
        await interaction.update({ content: `page 2 of ${interaction.message.id}` });
      } else if (interaction.isStringSelectMenu()) {
        await interaction.deferUpdate();
        await interaction.editReply({ content: `picked ${interaction.values.join()}`, components: [] });
      }
    };
    const outcome = await member().command("ping", {}, where);
    const clicked = await member().click(outcome.message!, "next");
    expect(clicked.status).toBe("updated");
    expect(clicked.message?.content).toBe(`page 2 of ${outcome.message!.id}`);
    await expect(member().select(outcome.message!, "pick", ["b"])).rejects.toThrow(/no option "b"/);
    const selected = await member().select(outcome.message!, "pick", ["a"]);
    expect((await selected.settled())?.content).toBe("picked a");
    await expect(member().click(outcome.message!, "next")).rejects.toThrow(/no component/);
    await expect(bot.sandbox.as(bot.ids.ownerId).click(outcome.message!.id, "next")).rejects.toThrow(/someone else/);
    expect(bot.errors).toEqual([]);
  });

  it("resolves what is chosen in a user menu", async () => {
    let names: string[] = [];
    const menu = new UserSelectMenuBuilder().setCustomId("who").setMaxValues(2);
    bot.onInteraction = async (interaction) => {
      if (interaction.isChatInputCommand()) {
        const row = new ActionRowBuilder<UserSelectMenuBuilder>().addComponents(menu);
        await interaction.reply({ content: "who?", components: [row] });
      } else if (interaction.isUserSelectMenu()) {
        names = interaction.users.map((user) => user.displayName);
        await interaction.reply({ content: "thanks", flags: MessageFlags.Ephemeral });
      }
    };
    const outcome = await member().command("ping", {}, where);
    const answer = await member().select(outcome.message!, "who", bot.ids.memberIds.slice(2, 4));
    expect(answer.isEphemeral).toBe(true);
    expect(names).toEqual(["Member 3", "Member 4"]);
  });

  it("shows a modal and takes what is typed", async () => {
    bot.onInteraction = async (interaction) => {
      if (interaction.isChatInputCommand()) {
        const input = new TextInputBuilder().setCustomId("reason").setLabel("Reason").setStyle(TextInputStyle.Short);
        await interaction.showModal(
          new ModalBuilder()
            .setCustomId("form")
            .setTitle("Form")
            .addComponents(new ActionRowBuilder<TextInputBuilder>().addComponents(input)),
        );
      } else if (interaction.isModalSubmit()) {
        await interaction.reply(`${interaction.customId}: ${interaction.fields.getTextInputValue("reason")}`);
      }
    };
    const outcome = await member().command("ping", {}, where);
    expect(outcome.status).toBe("modal");
    expect(outcome.modal?.title).toBe("Form");
    await expect(member().submitModal(outcome, {})).rejects.toThrow(/must be filled in/);
    const submitted = await member().submitModal(outcome, { reason: "because" });
    expect(submitted.message?.content).toBe("form: because");
  });

  it("fails an interaction that gets no answer in time, and refuses the late one", async () => {
    let answer: Promise<unknown> | undefined;
    let release: () => void = () => undefined;
    const released = new Promise<void>((resolve) => (release = resolve));
    bot.onInteraction = async (interaction) => {
      await released;
      answer = asCommand(interaction).reply("late");
      await answer;
    };
    const outcome = await member().command("ping", {}, where);
    expect(outcome.status).toBe("failed");
    expect(outcome.message).toBeUndefined();
    release();
    await bot.sandbox.waitFor(() => bot.errors.length > 0);
    expect(bot.errors[0]).toMatchObject({ code: 10_062 });
  });

  it("refuses a second answer", async () => {
    bot.onInteraction = async (interaction) => {
      const command = asCommand(interaction);
      await command.reply("first");
      command.replied = false;
      await command.reply("second");
    };
    await member().command("ping", {}, where);
    await bot.sandbox.waitFor(() => bot.errors.length > 0);
    expect(bot.errors[0]).toMatchObject({ code: 40_060 });
  });

  it("keeps the interaction open when the answer breaks a limit", async () => {
    bot.onInteraction = async (interaction) => {
      const command = asCommand(interaction);
      await command.reply("x".repeat(2_001)).catch((error: unknown) => bot.errors.push(error));
      await command.reply("shorter");
    };
    const outcome = await member().command("ping", {}, where);
    expect(outcome.message?.content).toBe("shorter");
    expect(bot.errors[0]).toMatchObject({ code: 50_035 });
  });

  it("hides a command from those who lack its default permissions, and can send it all the same", async () => {
    let isManager: boolean | undefined;
    bot.onInteraction = async (interaction) => {
      isManager = asCommand(interaction).memberPermissions.has(PermissionFlagsBits.ManageGuild);
      await asCommand(interaction).reply("seen");
    };
    const refusal = await member()
      .command("admin", {}, where)
      .catch((error: unknown) => error);
    expect(isMusterError(refusal, "NOT_FOUND")).toBe(true);
    expect(String(refusal)).toContain("command not available: /admin needs ManageGuild");
    expect(isManager).toBeUndefined();
    await member().command("admin", {}, { ...where, bypassPermissionCheck: true });
    expect(isManager).toBe(false);
    await bot.sandbox.as(bot.ids.moderatorId).command("admin", {}, where);
    expect(isManager).toBe(true);
    await bot.sandbox.as(bot.ids.ownerId).command("admin", {}, where);
    expect(isManager).toBe(true);
  });

  it("takes commands in direct messages", async () => {
    let isInGuild: boolean | undefined;
    bot.onInteraction = async (interaction) => {
      isInGuild = interaction.inGuild();
      await asCommand(interaction).reply("hello");
    };
    const channelId = member().openDirectChannel();
    const outcome = await member().command("ping", {}, { channelId });
    expect(bot.errors).toEqual([]);
    expect(outcome.message?.content).toBe("hello");
    expect(isInGuild).toBe(false);
    expect(member().directMessages().at(-1)?.content).toBe("hello");
  });

  it("refuses a token after its lifetime", async () => {
    const short = await startTestBot({ sandbox: { limits: { interactionTokenLifetimeMs: 50 } } });
    await short.client.application.commands.set([{ name: "ping", description: "Answers" }]);
    let command: ChatInputCommandInteraction<"cached"> | undefined;
    short.onInteraction = async (interaction) => {
      command = asCommand(interaction);
      await command.reply("in time");
    };
    const person = short.sandbox.as(short.ids.ownerId);
    await person.command("ping", {}, { channelId: short.ids.generalChannelId });
    const createdAtMs = Date.now();
    await short.sandbox.waitFor(() => Date.now() - createdAtMs > 60);
    await expect(command!.editReply("too late")).rejects.toMatchObject({ code: 50_027 });
    await short.stop();
  });

  it("refuses command definitions that break Discord's limits", async () => {
    const set = (command: object): Promise<unknown> =>
      bot.client.application.commands.create(command as ApplicationCommandDataResolvable);
    const option = { type: 3, name: "a", description: "b" };
    const many = Array.from({ length: 26 }, (_, index) => ({ ...option, name: `o${index}` }));
    for (const command of [
      { name: "Capital", description: "x" },
      { name: "with space", description: "x" },
      { name: "x".repeat(33), description: "x" },
      { name: "long", description: "x".repeat(101) },
      { name: "many", description: "x", options: many },
      {
        name: "choices",
        description: "x",
        options: [{ ...option, choices: many.map(({ name }) => ({ name, value: name })) }],
      },
      { name: "order", description: "x", options: [option, { ...option, name: "c", required: true }] },
    ]) {
      await expect(set(command)).rejects.toMatchObject({ code: 50_035 });
    }
  });
});

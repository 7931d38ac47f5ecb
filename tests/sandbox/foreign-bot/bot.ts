import {
  ActionRowBuilder,
  AttachmentBuilder,
  ButtonBuilder,
  ButtonStyle,
  ChannelSelectMenuBuilder,
  Client,
  EmbedBuilder,
  Events,
  GatewayIntentBits,
  MentionableSelectMenuBuilder,
  MessageFlags,
  ModalBuilder,
  Partials,
  RoleSelectMenuBuilder,
  SlashCommandBuilder,
  StringSelectMenuBuilder,
  TextInputBuilder,
  TextInputStyle,
  UserSelectMenuBuilder,
  type AnySelectMenuInteraction,
  type ButtonInteraction,
  type ChatInputCommandInteraction,
  type Interaction,
  type Message,
  type MessageReaction,
  type PartialMessageReaction,
} from "discord.js";

/** A bot that is not Muster: discord.js and nothing else. It knows of the sandbox what its environment tells it. */
const client = new Client({
  intents: [
    GatewayIntentBits.Guilds,
    GatewayIntentBits.GuildMessages,
    GatewayIntentBits.GuildMessageReactions,
    GatewayIntentBits.DirectMessages,
  ],
  partials: [Partials.Channel, Partials.Message, Partials.Reaction, Partials.User],
  rest: { api: process.env["DISCORD_API"]! },
});

const everyOption = new SlashCommandBuilder()
  .setName("every")
  .setDescription("Takes an option of each type")
  .addStringOption((option) => option.setName("text").setDescription("Text").setRequired(true))
  .addIntegerOption((option) => option.setName("whole").setDescription("A whole number"))
  .addNumberOption((option) => option.setName("number").setDescription("A number"))
  .addBooleanOption((option) => option.setName("flag").setDescription("Yes or no"))
  .addUserOption((option) => option.setName("user").setDescription("A person"))
  .addChannelOption((option) => option.setName("channel").setDescription("A channel"))
  .addRoleOption((option) => option.setName("role").setDescription("A role"))
  .addMentionableOption((option) => option.setName("anyone").setDescription("A person or a role"))
  .addAttachmentOption((option) => option.setName("file").setDescription("A file"));

const settings = new SlashCommandBuilder()
  .setName("settings")
  .setDescription("Has a group of subcommands")
  .addSubcommandGroup((group) =>
    group
      .setName("colour")
      .setDescription("Of the bot")
      .addSubcommand((sub) =>
        sub
          .setName("set")
          .setDescription("Another one")
          .addStringOption((option) =>
            option.setName("name").setDescription("Its name").setAutocomplete(true).setRequired(true),
          ),
      ),
  );

const plain = ["menus", "form", "later", "secret", "poll", "whisper"].map((name) =>
  new SlashCommandBuilder().setName(name).setDescription(`Shows ${name}`),
);
const COLOURS = ["red", "green", "grey"];

async function answerEvery(interaction: ChatInputCommandInteraction): Promise<void> {
  const { options } = interaction;
  const given = {
    text: options.getString("text"),
    whole: options.getInteger("whole"),
    number: options.getNumber("number"),
    flag: options.getBoolean("flag"),
    user: options.getUser("user")?.username,
    channel: options.getChannel("channel")?.name,
    role: options.getRole("role")?.name,
    anyone: options.getMentionable("anyone") === null ? undefined : "somebody",
    file: options.getAttachment("file")?.name,
    size: options.getAttachment("file")?.size,
  };
  await interaction.reply({
    content: JSON.stringify(given),
    files: [new AttachmentBuilder(Buffer.from("a file of the bot"), { name: "answer.txt" })],
  });
}

async function showMenus(interaction: ChatInputCommandInteraction): Promise<void> {
  const menus = [
    new StringSelectMenuBuilder()
      .setCustomId("strings")
      .setMaxValues(2)
      .addOptions(COLOURS.map((name) => ({ label: name, value: name }))),
    new UserSelectMenuBuilder().setCustomId("users"),
    new RoleSelectMenuBuilder().setCustomId("roles"),
    new MentionableSelectMenuBuilder().setCustomId("mentionables"),
    new ChannelSelectMenuBuilder().setCustomId("channels"),
  ];
  await interaction.reply({
    content: "Choose",
    components: menus.map((menu) => ({ type: 1, components: [menu.toJSON()] })),
  });
}

async function answerSelection(interaction: AnySelectMenuInteraction): Promise<void> {
  await interaction.update({ content: `${interaction.customId}: ${interaction.values.join(",")}` });
}

async function answerCommand(interaction: ChatInputCommandInteraction): Promise<void> {
  switch (interaction.commandName) {
    case "every":
      return answerEvery(interaction);
    case "settings": {
      const { options } = interaction;
      const path = [options.getSubcommandGroup(), options.getSubcommand(), options.getString("name")];
      await interaction.reply(path.join(" "));
      return;
    }
    case "menus":
      return showMenus(interaction);
    case "form":
      await interaction.showModal(
        new ModalBuilder()
          .setCustomId("form")
          .setTitle("A form")
          .addComponents(
            new ActionRowBuilder<TextInputBuilder>().addComponents(
              new TextInputBuilder().setCustomId("name").setLabel("Your name").setStyle(TextInputStyle.Short),
            ),
          ),
      );
      return;
    case "later":
      await interaction.deferReply();
      await interaction.editReply({ embeds: [new EmbedBuilder().setTitle("Done later").setColor(0x00ff00)] });
      await interaction.followUp("And one more thing");
      return;
    case "secret": {
      const button = new ButtonBuilder().setCustomId("more").setLabel("More").setStyle(ButtonStyle.Primary);
      await interaction.reply({
        content: "Only for you",
        flags: MessageFlags.Ephemeral,
        components: [new ActionRowBuilder<ButtonBuilder>().addComponents(button)],
      });
      return;
    }
    case "poll": {
      const response = await interaction.reply({ content: "Vote", withResponse: true });
      await response.resource!.message!.react("👍");
      return;
    }
    case "whisper":
      await interaction.user.send("Psst");
      await interaction.reply({ content: "Look into your messages", flags: MessageFlags.Ephemeral });
  }
}

async function answerButton(interaction: ButtonInteraction): Promise<void> {
  await interaction.deferUpdate();
  await interaction.editReply({ content: "Only for you, and more", components: [] });
}

async function answer(interaction: Interaction): Promise<void> {
  if (interaction.isChatInputCommand()) await answerCommand(interaction);
  else if (interaction.isAutocomplete()) {
    const typed = interaction.options.getFocused();
    const fitting = COLOURS.filter((name) => name.startsWith(typed));
    await interaction.respond(fitting.map((name) => ({ name: name.toUpperCase(), value: name })));
  } else if (interaction.isButton()) await answerButton(interaction);
  else if (interaction.isAnySelectMenu()) await answerSelection(interaction);
  else if (interaction.isModalSubmit()) {
    await interaction.reply(`Hello ${interaction.fields.getTextInputValue("name")}`);
  }
}

async function noteVote(reaction: MessageReaction | PartialMessageReaction, by: string): Promise<void> {
  const message = await reaction.message.fetch();
  if (by !== client.user!.id) await message.edit(`${message.content}, ${reaction.emoji.name} by ${by}`);
}

async function answerInPrivate(message: Message): Promise<void> {
  if (!message.author.bot && message.channel.isDMBased()) await message.reply(`You said: ${message.content}`);
}

async function register(ready: Client<true>): Promise<void> {
  await ready.application.commands.set([everyOption, settings, ...plain]);
  console.log("ready");
}

client.on(Events.InteractionCreate, (interaction) => void answer(interaction));
client.on(Events.MessageReactionAdd, (reaction, user) => void noteVote(reaction, user.id));
client.on(Events.MessageReactionRemove, ({ message }) => void message.fetch().then((vote) => vote.edit("Vote again")));
client.on(Events.MessageCreate, (message) => void answerInPrivate(message));
client.once(Events.ClientReady, (ready) => void register(ready));

await client.login(process.env["DISCORD_TOKEN"]);

import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import {
  ActionRowBuilder,
  ButtonBuilder,
  ButtonStyle,
  ModalBuilder,
  StringSelectMenuBuilder,
  TextInputBuilder,
  TextInputStyle,
  UserSelectMenuBuilder,
  type Interaction,
} from "discord.js";
import type { Browser, BrowserContext, Page } from "playwright-core";
import { homeServer } from "../../../src/sandbox/home-server.ts";
import { SandboxClock } from "../../../src/sandbox/sandbox-clock.ts";
import { Sandbox } from "../../../src/sandbox/sandbox.ts";
import { startTestBot as startMuster, type TestBot as Muster } from "../../helpers/bot.ts";
import { createJobsBesideBot } from "../../helpers/jobs-here.ts";
import { chromiumPath, collectComplaints, launchBrowser, overflowOf } from "../../monitor/web/browser.ts";
import { startTestBot, type TestBot } from "../test-bot.ts";

const PATIENCE_MS = 20_000;
const withBrowser = chromiumPath === undefined ? describe.skip : describe;
const note = chromiumPath === undefined ? " (skipped: no Chromium; install one or set CHROMIUM_PATH)" : "";

withBrowser(`the sandbox's page in a real browser${note}`, () => {
  let browser: Browser;
  let context: BrowserContext;
  let page: Page;
  let complaints: string[];

  beforeAll(async () => {
    browser = await launchBrowser();
  });
  afterAll(() => browser.close());

  async function open(url: string, size: { width: number; height: number }): Promise<void> {
    await context?.close();
    context = await browser.newContext({ viewport: size, reducedMotion: "reduce" });
    context.setDefaultTimeout(PATIENCE_MS);
    page = await context.newPage();
    complaints = collectComplaints(page);
    await page.goto(url);
    await page.getByRole("log").waitFor();
  }
  const see = (text: string | RegExp): Promise<void> => page.getByText(text).first().waitFor();
  const press = (name: string | RegExp): Promise<void> => page.getByRole("button", { name }).first().click();
  const become = async (name: string): Promise<void> => {
    await page
      .getByRole("button", { name: `Be ${name}`, exact: true })
      .filter({ visible: true })
      .click();
    await page
      .locator(".person.is-me:visible")
      .and(page.getByLabel(`Be ${name}`, { exact: true }))
      .waitFor();
  };
  const box = () => page.getByRole("textbox", { name: "Message" });

  describe("with Muster", () => {
    let sandbox: Sandbox;
    let muster: Muster;
    const dataFolder = mkdtempSync(join(tmpdir(), "muster-page-"));
    const { memberIds, rollCallsChannelId } = homeServer().ids;

    beforeAll(async () => {
      const clock = new SandboxClock();
      sandbox = await Sandbox.start({
        ...{ port: 0, clock },
        host: {
          databasePath: join(dataFolder, "muster.db"),
          hasBackup: () => true,
          stop: () => muster.stopApp(),
          start: () => muster.startApp(),
        },
        describeBot: () => ({ state: muster.app.degradation.state.kind, queueSize: 0 }),
      });
      muster = await startMuster({
        sandbox,
        clock,
        dataFolder,
        seed: homeServer(),
        createMaintenance: createJobsBesideBot,
      });
    });
    afterAll(async () => {
      await context?.close();
      await muster.stop();
      await sandbox.stop();
      rmSync(dataFolder, { recursive: true, force: true });
    });

    /** Of the first members, once each. */
    async function hasAnswers(count: number): Promise<boolean> {
      const { events } = await muster.store.events.list({ guildId: muster.guildId, state: "open", limit: 10 });
      const answers = await muster.store.reactions.list({ guildId: muster.guildId, eventId: events[0]!.id });
      return (
        answers
          .map(({ userId }) => userId)
          .sort()
          .join() === memberIds.slice(0, count).sort().join()
      );
    }

    it("leads a newcomer from the first roll call to pulling the plug, with nothing lost", async () => {
      await open(sandbox.url, { width: 1280, height: 800 });
      await see("Welcome aboard");
      await press("Start the tour");
      await see("1. Call the roll");
      await press(/^roll-calls$/);
      await box().fill("/eve");
      await page.getByRole("option", { name: "/event create" }).waitFor();
      await page.keyboard.press("Enter");
      await page.keyboard.press("Enter");
      await see("This option is required. Specify a value.");
      await page.getByRole("textbox", { name: "title" }).fill("Friday raid");
      await page.keyboard.press("Tab");
      await page.keyboard.type("every:24h");
      await page.keyboard.press("Tab");
      await page.keyboard.type("rea");
      await page.keyboard.press("Tab");
      await page.keyboard.type("✅ ❌");
      await page.keyboard.press("Enter");
      await see("2. Answer as a member");
      await see("Only you can see this");

      await become("Member 1");
      await see("React to this message to answer.");
      expect(await page.getByText("Only you can see this").count()).toBe(0);
      expect(await page.getByText("bridge").count()).toBe(0);
      await press(/^✅/);
      await see("3. Skip a day");
      await press("Skip 24 hours");
      await see("still waits for your answer");
      await see("4. Pull the plug");

      await press("Open Chaos");
      await page.locator("[data-chaos=delete-database]").getByRole("button", { name: "Do it" }).click();
      await page.keyboard.press("Alt+4");
      await page.getByRole("button", { name: "Be Member 2", pressed: true }).waitFor();
      await press(/^✅, 2/);
      await see("5. Nothing is lost");
      // Until it is there the answer is the last known one, marked with its age.
      await sandbox.waitFor(() => hasAnswers(2).catch(() => false), 30_000);
      await box().fill("/event show ");
      await page.getByRole("option", { name: /Friday raid/ }).click();
      await page.keyboard.press("Enter");
      await see("That was it");
      const shown = page.locator(".message.is-ephemeral .embed").first();
      expect(await shown.getByText("@Member 1").count()).toBe(1);
      expect(await shown.getByText("@Member 2").count()).toBe(1);
      expect(await overflowOf(page)).toBeLessThanOrEqual(0);
      expect(complaints).toEqual([]);
      expect(await hasAnswers(2)).toBe(true);
    });

    it("keeps channel and person over a reload, and comes back when the connection was lost", async () => {
      await page.reload();
      await page.getByRole("button", { name: "Be Member 2", pressed: true }).waitFor();
      await page.getByRole("heading", { name: "roll-calls", exact: true }).waitFor();
      await see("That was it");
      await muster.stopApp();
      await see(/The bot (is down|is not connected)/);
      await muster.startApp();
      await page.locator(".banner").waitFor({ state: "detached" });
    });

    it("shows the same to a thumb: channels in a drawer, panels as sheets", async () => {
      await open(`${sandbox.url}/#/${rollCallsChannelId}?as=${memberIds[2]}`, { width: 390, height: 844 });
      await press("Start the tour");
      await press("Fill it in for me");
      await press("Send the command");
      await see("2. Answer as a member");
      await press("Become Member 1");
      await page.getByRole("button", { name: "✅, 1 reaction" }).last().click();
      await see("3. Skip a day");
      await press("Channels");
      await page.getByRole("button", { name: "general", exact: true }).click();
      await see("Welcome aboard");
      await press("Chaos");
      await see("Hold the write lock");
      expect(await overflowOf(page)).toBeLessThanOrEqual(0);
      await press("Close the panel");
      await press("Put the tour away");
      await box().fill("hello *there*");
      await press("Send");
      await page.locator(".message em", { hasText: "there" }).waitFor();
      expect(complaints).toEqual([]);
    });
  });

  describe("with any other bot", () => {
    let bot: TestBot;

    beforeAll(async () => {
      bot = await startTestBot({ seed: homeServer() });
      bot.onInteraction = play;
      await bot.client.application.commands.set([
        {
          name: "order",
          description: "Order something",
          options: [
            { name: "count", description: "How many", type: 4, minValue: 1, maxValue: 9, required: true },
            { name: "for", description: "For whom", type: 6 },
          ],
        },
        { name: "wait", description: "Take some time" },
        { name: "never", description: "Never answer" },
      ]);
      await open(bot.sandbox.url, { width: 1024, height: 768 });
    });
    afterAll(async () => {
      await context?.close();
      await bot.stop();
    });

    it("takes numbers within their bounds and people by name, and shows menus, buttons and modals", async () => {
      await box().fill("/order ");
      await page.keyboard.type("12");
      await page.keyboard.press("Enter");
      await see("The value must be at most 9.");
      await page.getByRole("textbox", { name: "count" }).fill("3");
      await page.keyboard.press("Tab");
      await page.keyboard.type("for:mod");
      await page.keyboard.press("Enter");
      await page.keyboard.press("Enter");
      await see("3 for");

      await press("Choose a topping");
      await page.getByRole("option", { name: "Cheese" }).click();
      await see("topping cheese");
      await press("Choose a waiter");
      await page.getByRole("option", { name: "Member 5" }).click();
      await see("waiter");
      await press("Name it");
      await page.getByRole("dialog").getByLabel("Your name for it").fill("The usual");
      await press("Submit");
      await see("named The usual");
    });

    it("shows who takes long, and says who never answers", async () => {
      await box().fill("/never ");
      await page.keyboard.press("Enter");
      await box().fill("/wait ");
      await page.keyboard.press("Enter");
      await see("Muster is thinking…");
      await see("done at last");
      await see("The application did not respond");
      expect(complaints).toEqual([]);
    });

    it("has direct messages with the bot", async () => {
      await press("Direct messages");
      // The box of the channel that is left would take the text, and lose it.
      await page.getByPlaceholder(/@/).waitFor();
      await box().fill("psst");
      await page.keyboard.press("Enter");
      await page.locator(".message", { hasText: "psst" }).waitFor();
      await become("Member 3");
      expect(await page.getByText("psst").count()).toBe(0);
    });
  });
});

/** A small bot that uses what Muster does not. */
async function play(interaction: Interaction): Promise<void> {
  if (interaction.isChatInputCommand()) {
    if (interaction.commandName === "never") return;
    if (interaction.commandName === "wait") {
      await interaction.deferReply();
      await new Promise((resolve) => setTimeout(resolve, 300));
      await interaction.editReply("done at last");
      return;
    }
    const whom = interaction.options.getUser("for");
    const topping = new StringSelectMenuBuilder()
      .setCustomId("topping")
      .setPlaceholder("Choose a topping")
      .addOptions({ label: "Cheese", value: "cheese" }, { label: "None", value: "none" });
    const waiter = new UserSelectMenuBuilder().setCustomId("waiter").setPlaceholder("Choose a waiter");
    const name = new ButtonBuilder().setCustomId("name").setLabel("Name it").setStyle(ButtonStyle.Success);
    await interaction.reply({
      content: `${interaction.options.getInteger("count")} for ${String(whom)}`,
      components: [
        new ActionRowBuilder<StringSelectMenuBuilder>().addComponents(topping),
        new ActionRowBuilder<UserSelectMenuBuilder>().addComponents(waiter),
        new ActionRowBuilder<ButtonBuilder>().addComponents(name),
      ],
    });
  } else if (interaction.isAnySelectMenu()) {
    await interaction.reply(`${interaction.customId} ${interaction.values.join()}`);
  } else if (interaction.isButton()) {
    const field = new TextInputBuilder()
      .setCustomId("name")
      .setLabel("Your name for it")
      .setStyle(TextInputStyle.Short);
    const modal = new ModalBuilder().setCustomId("naming").setTitle("A name");
    await interaction.showModal(modal.addComponents(new ActionRowBuilder<TextInputBuilder>().addComponents(field)));
  } else if (interaction.isModalSubmit()) {
    await interaction.reply(`named ${interaction.fields.getTextInputValue("name")}`);
  }
}

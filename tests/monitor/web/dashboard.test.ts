import { setTimeout as sleep } from "node:timers/promises";
import Database from "better-sqlite3";
import type { Browser, Locator, Page } from "playwright-core";
import { findFreePort } from "../../../src/sandbox/free-port.ts";
import { startTestBot, type TestBot } from "../../helpers/bot.ts";
import { createJobsBesideBot } from "../../helpers/jobs-here.ts";
import { chromiumPath, collectComplaints, launchBrowser, overflowOf, tabTo } from "./browser.ts";

const TOKEN = "a-token-for-tests-only";
const PATIENCE_MS = 20_000;

const SETTINGS = {
  MONITOR_TOKEN: TOKEN,
  DB_HEALTH_CHECK_INTERVAL: "500ms",
  // Away as soon as one write has failed, and well as soon as it is back: figures of the last minute say nothing here.
  ...{ DB_BREAKER_THRESHOLD: "1", DB_MAX_RETRIES: "0", DB_OPERATION_TIMEOUT: "500ms" },
  ...{ ALERT_WARNING_RESPONSE: "9m", ALERT_CRITICAL_RESPONSE: "10m" },
  ...{ ALERT_WARNING_ERROR_RATE: "99%", ALERT_CRITICAL_ERROR_RATE: "100%" },
};

/** Another program that holds the write lock, as a database browser does. */
function holdWriteLock(path: string): () => void {
  const other = new Database(path);
  other.exec("BEGIN IMMEDIATE");
  return () => {
    other.exec("ROLLBACK");
    other.close();
  };
}

async function waitUntil(condition: () => Promise<boolean>): Promise<void> {
  for (const endAt = performance.now() + PATIENCE_MS; performance.now() < endAt; await sleep(50)) {
    if (await condition()) return;
  }
  throw new Error("it did not come true in time");
}

const withBrowser = chromiumPath === undefined ? describe.skip : describe;
const note = chromiumPath === undefined ? " (skipped: no Chromium; install one or set CHROMIUM_PATH)" : "";

withBrowser(`the dashboard in a real browser${note}`, () => {
  let bot: TestBot;
  let browser: Browser;
  let page: Page;
  let url: string;
  let complaints: string[];

  beforeAll(async () => {
    const port = await findFreePort();
    const settings = { ...SETTINGS, MONITOR_PORT: String(port) };
    [bot, browser] = await Promise.all([
      startTestBot({ settings, createMaintenance: createJobsBesideBot }),
      launchBrowser(),
    ]);
    url = `http://127.0.0.1:${port}/`;
    page = await browser.newPage({ viewport: { width: 1280, height: 900 }, colorScheme: "light" });
    page.setDefaultTimeout(PATIENCE_MS);
    complaints = collectComplaints(page);
    await page.goto(url);
  });
  afterAll(async () => {
    await browser.close();
    await bot.stop();
  });

  const state = (): Locator => page.getByRole("region", { name: "State" });
  const waitForState = (words: string): Promise<void> => state().getByText(words).first().waitFor();
  const tile = (label: string): Locator => page.getByRole("listitem").filter({ hasText: label }).locator(".tile-value");
  const charts = (): Locator => page.locator(".charts[data-latest]");

  it("says in words that all is well, and is live", async () => {
    await waitForState("All is well.");
    await page.getByText("Live", { exact: true }).waitFor();
    expect(await tile("Waiting writes").textContent()).toBe("0");
    // Asked for by itself, so it may come a moment later.
    const caption = page.locator("caption", { hasText: "Operations" });
    await caption.first().waitFor({ state: "attached" });
    expect(await caption.count()).toBe(1);
  });

  it("moves its charts with each sample", async () => {
    const chart = page.getByRole("img", { name: /^Throughput/ });
    const [at, picture] = [await charts().getAttribute("data-latest"), await chart.screenshot()];
    await waitUntil(async () => Number(await charts().getAttribute("data-latest")) > Number(at));
    await page.getByText("15 min").click();
    await waitUntil(async () => !(await chart.screenshot()).equals(picture));
  });

  it("fits a desktop and a phone, light and dark", async () => {
    const colours = new Set<unknown>();
    for (const colorScheme of ["light", "dark"] as const) {
      for (const width of [1280, 390]) {
        await page.setViewportSize({ width, height: 900 });
        await page.emulateMedia({ colorScheme });
        expect(await overflowOf(page)).toBeLessThanOrEqual(0);
        colours.add(await page.evaluate("getComputedStyle(document.body).backgroundColor"));
      }
    }
    await page.setViewportSize({ width: 1280, height: 900 });
    expect(colours.size).toBe(2);
    await page.getByRole("radio", { name: "Light" }).check({ force: true });
    colours.delete(await page.evaluate("getComputedStyle(document.body).backgroundColor"));
    expect(colours.size).toBe(1);
  });

  it("tells of a database that is away, shows what waits, and of its return", async () => {
    const { channelId } = bot;
    const [first, second] = bot.ids.memberIds as [string, string];
    const use = (userId: string) => bot.as(userId).command("reminders", { mode: "dm" }, { channelId });
    const release = holdWriteLock(bot.databasePath);
    try {
      await use(first);
      await waitForState("another process holds its write lock");
      await use(second);
      await waitUntil(async () => Number(await tile("Waiting writes").textContent()) >= 2);
      expect(await state().textContent()).toContain("nothing is lost");
      await page.getByRole("tab", { name: "Queue" }).click();
      await page.getByRole("region", { name: "Waiting writes" }).getByText("users.").first().waitFor();
    } finally {
      release();
    }
    await waitForState("All is well.");
    await page.getByText("Nothing waits for the database.").waitFor();
    expect(await tile("Waiting writes").textContent()).toBe("0");
  });

  it("makes a backup by the keyboard alone, once the token is right", async () => {
    const field = page.getByLabel("Token", { exact: true });
    await page.locator("body").focus();
    await tabTo(page, "Back up now");
    await page.keyboard.press("Enter");
    await field.waitFor();
    await page.keyboard.type("not-the-token-at-all");
    await page.keyboard.press("Enter");
    await page.getByText("That token was not accepted.").waitFor();
    await field.waitFor();
    await page.keyboard.type(TOKEN);
    await page.keyboard.press("Enter");
    await page.getByText(/^Backup [0-9a-f]{8} is made and verified/).waitFor();
    expect(await page.evaluate("sessionStorage.length")).toBe(1);
    expect((await bot.app.backups!.manager.list()).snapshots.length).toBeGreaterThan(0);
  });

  it("verifies a backup, and shows what a restore would do before it asks for a word", async () => {
    await page
      .getByRole("button", { name: /^Verify backup/ })
      .first()
      .click();
    await page.getByText(/^Backup [0-9a-f]{8} is sound/).waitFor();
    const opener = page.getByRole("button", { name: /^Restore… backup/ }).first();
    await opener.click();
    await page.getByRole("button", { name: "Show the plan" }).click();
    await page.getByText("takes the place of the present database").waitFor();
    const restore = page.getByRole("button", { name: "Restore now" });
    expect(await restore.isDisabled()).toBe(true);
    await page.keyboard.type("restore");
    expect(await restore.isDisabled()).toBe(false);
    await page.keyboard.press("Escape");
    await page.getByRole("dialog").waitFor({ state: "detached" });
    expect(await page.evaluate("document.activeElement?.textContent")).toBe(await opener.textContent());
  });

  it("walks through tabs by arrow keys", async () => {
    await page.getByRole("tab", { name: "Operations" }).click();
    await page.keyboard.press("ArrowRight");
    await page.getByRole("tab", { name: "Slow queries", selected: true }).waitFor();
    // What the tab shows is written some seconds after it was used.
    await bot.app.usage.flush();
    await page.keyboard.press("End");
    await page.getByRole("tab", { name: "Commands", selected: true }).waitFor();
    await page.getByRole("region", { name: "Use by command" }).getByText("/reminders").waitFor();
  });

  it("says that the bot is gone, marks what it shows as old, and is live again by itself", async () => {
    await bot.stopApp();
    await page.getByText("The bot is gone since").waitFor();
    expect(await page.locator("main.is-old").count()).toBe(1);
    expect(await page.getByRole("button", { name: "Back up now" }).isDisabled()).toBe(true);
    await page.setViewportSize({ width: 390, height: 900 });
    await bot.sandbox.waitFor(async () => (await overflowOf(page)) <= 0, 10_000);
    await bot.startApp();
    await page.getByText("Live", { exact: true }).waitFor();
    expect(await page.locator("main.is-old").count()).toBe(0);
    await waitForState("All is well.");
  });

  it("never complains on the console, and asks nobody else for anything", async () => {
    expect(complaints).toEqual([]);
    const names = await page.evaluate<string[]>("performance.getEntriesByType('resource').map(({ name }) => name)");
    expect(names.filter((name) => !name.startsWith(url))).toEqual([]);
  });
});

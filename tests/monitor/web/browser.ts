import { existsSync } from "node:fs";
import { join } from "node:path";
import { chromium, type Browser, type Page } from "playwright-core";

/** Where a Chromium may be: given by hand, or as the packages of Debian and Ubuntu install it. */
const CANDIDATES = [process.env["CHROMIUM_PATH"], "/usr/bin/chromium", "/usr/bin/chromium-browser"];
const PAGE_FOLDER = join(import.meta.dirname, "../../../src/monitor/web/dist");

/** undefined where there is none: then what needs one is skipped. */
export const chromiumPath = CANDIDATES.find((path) => path !== undefined && existsSync(path));

/** One that talks to nobody but the page's own server. */
export async function launchBrowser(): Promise<Browser> {
  if (!existsSync(join(PAGE_FOLDER, "index.html"))) {
    throw new Error("the dashboard is not built: npm run build:web");
  }
  return chromium.launch({
    ...(chromiumPath === undefined ? {} : { executablePath: chromiumPath }),
    args: [
      "--headless",
      "--no-sandbox",
      "--disable-gpu",
      "--disable-quic",
      "--no-first-run",
      "--disable-background-networking",
      "--disable-component-update",
      "--disable-sync",
    ],
  });
}

/** What the page complained of. Requests that fail are the browser's own words, and told of on the page by itself. */
export function collectComplaints(page: Page): string[] {
  const complaints: string[] = [];
  page.on("pageerror", (error) => complaints.push(error.message));
  page.on("console", (message) => {
    const isComplaint = message.type() === "error" || message.type() === "warning";
    if (isComplaint && !message.text().startsWith("Failed to load resource")) complaints.push(message.text());
  });
  return complaints;
}

/** How many pixels the page is wider than the window. */
export async function overflowOf(page: Page): Promise<number> {
  return page.evaluate<number>("document.documentElement.scrollWidth - window.innerWidth");
}

/** Presses Tab until the element with this name has the focus; throws when it is not reached. */
export async function tabTo(page: Page, name: string): Promise<void> {
  for (let count = 0; count < 80; count++) {
    await page.keyboard.press("Tab");
    const text = await page.evaluate<string>("document.activeElement?.textContent ?? ''");
    if (text.trim() === name) return;
  }
  throw new Error(`the keyboard does not get to ${name}`);
}

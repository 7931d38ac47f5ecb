// What `npm ci` runs at its end. Plain JavaScript: npm may run it on a Node.js that is older than the program's own.
import { execFileSync } from "node:child_process";
import { existsSync } from "node:fs";

if (existsSync(new URL("../../../node_modules/vite/package.json", import.meta.url))) {
  execFileSync("npm", ["run", "--silent", "build:web"], { stdio: "inherit", shell: process.platform === "win32" });
} else {
  console.log("the dashboard was not built: that needs the development dependencies (npm ci && npm run build:web)");
}

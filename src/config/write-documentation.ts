import { writeFileSync } from "node:fs";
import { renderConfigurationDoc, renderEnvExample } from "./documentation.ts";

// Entry: brings the files that are made from the table of settings up to date with it.
const project = new URL("../../", import.meta.url);
writeFileSync(new URL(".env.example", project), renderEnvExample());
writeFileSync(new URL("docs/configuration.md", project), renderConfigurationDoc());

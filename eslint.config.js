import { createTypeScriptImportResolver } from "eslint-import-resolver-typescript";
import { flatConfigs as importConfigs, createNodeResolver } from "eslint-plugin-import-x";
import tseslint from "typescript-eslint";

export default tseslint.config(
  { ignores: ["node_modules/", "data/", "backups/", "logs/", "coverage/", "dist/", "**/web/dist/"] },
  ...tseslint.configs.recommendedTypeChecked,
  importConfigs.typescript,
  {
    files: ["**/*.{ts,tsx}"],
    languageOptions: { parserOptions: { projectService: true, tsconfigRootDir: import.meta.dirname } },
    plugins: { "import-x": importConfigs.recommended.plugins["import-x"] },
    settings: {
      "import-x/resolver-next": [createTypeScriptImportResolver({ alwaysTryTypes: true }), createNodeResolver()],
    },
    rules: {
      "@typescript-eslint/no-floating-promises": "error",
      "@typescript-eslint/consistent-type-imports": "error",
      "@typescript-eslint/no-unused-vars": ["error", { argsIgnorePattern: "^_", varsIgnorePattern: "^_" }],
      "@typescript-eslint/require-await": "off",
      "@typescript-eslint/switch-exhaustiveness-check": ["error", { considerDefaultExhaustiveForUnions: true }],
      "@typescript-eslint/restrict-template-expressions": ["error", { allowNumber: true, allowBoolean: true }],
      "import-x/no-cycle": "error",
      "import-x/no-duplicates": ["error", { "prefer-inline": true }],
      "import-x/no-default-export": "error",
      "import-x/no-extraneous-dependencies": [
        "error",
        { devDependencies: ["tests/**", "*.config.*", "src/monitor/web/**", "src/sandbox/web/**"] },
      ],
      "import-x/order": [
        "error",
        { groups: ["builtin", "external", "parent", "sibling"], alphabetize: { order: "asc" } },
      ],
      "no-restricted-exports": ["error", { restrictedNamedExports: [], restrictDefaultExports: {} }],
      eqeqeq: "error",
      "prefer-const": "error",
    },
  },
  {
    files: [
      "jest.config.ts",
      "jest.torture.config.ts",
      "src/monitor/web/vite.config.ts",
      "src/sandbox/web/vite.config.ts",
      "tests/helpers/slow-first-sequencer.ts",
      "tests/helpers/test-runner.js",
    ],
    rules: { "import-x/no-default-export": "off", "no-restricted-exports": "off" },
  },
  {
    // What is measured is the bot's own; what it is measured against has a package of its own.
    files: ["bench/**/*.ts"],
    rules: { "import-x/no-extraneous-dependencies": ["error", { packageDir: [import.meta.dirname] }] },
  },
  { files: ["**/*.js"], ...tseslint.configs.disableTypeChecked },
);

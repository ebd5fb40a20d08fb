import tseslint from "typescript-eslint";

export default tseslint.config(
  { ignores: ["dist", "out", "node_modules", "*.mjs", "*.js", "e2e/*.mjs"] },
  ...tseslint.configs.strict,
  {
    rules: {
      // User text never becomes HTML.
      "no-restricted-properties": ["error", { property: "innerHTML" }, { property: "outerHTML" }, { property: "insertAdjacentHTML" }],
      "no-restricted-syntax": ["error", { selector: "JSXAttribute[name.name='dangerouslySetInnerHTML']", message: "User text never becomes HTML." }],
      "@typescript-eslint/no-non-null-assertion": "error",
    },
  },
);

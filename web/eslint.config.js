// Lint rules: strict TypeScript, Svelte's own advice, and the direction of imports between the folders of src/.
import js from '@eslint/js';
import svelte from 'eslint-plugin-svelte';
import globals from 'globals';
import ts from 'typescript-eslint';
import svelteConfig from './svelte.config.js';

// A folder may import itself and what stands here; nothing else. (docs: ARCHITECTURE.md)
const allowed = {
  base: [],
  plot: ['base'],
  data: ['base'],
  widgets: ['base'],
  state: ['base', 'data'],
  panels: ['base', 'plot', 'data', 'state', 'widgets'],
  table: ['base', 'plot', 'data', 'state', 'widgets'],
  screens: ['base', 'plot', 'data', 'state', 'widgets', 'panels', 'table'],
};

const directions = Object.entries(allowed).map(([room, friends]) => {
  const strangers = Object.keys(allowed).filter((name) => name !== room && !friends.includes(name));
  return {
    files: [`src/${room}/**/*.{ts,svelte}`],
    rules: {
      'no-restricted-imports': [
        'error',
        {
          patterns: [
            ...strangers.map((name) => ({
              regex: `^(\\.\\./)+${name}/`,
              message: `src/${room} must not import src/${name}: see the direction of imports in eslint.config.js`,
            })),
            ...(room === 'plot' || room === 'base'
              ? [{ regex: '^svelte', message: `src/${room} is plain TypeScript and imports no framework` }]
              : []),
          ],
        },
      ],
      ...(room === 'data' ? {} : { 'no-restricted-globals': ['error', 'fetch', 'EventSource', 'XMLHttpRequest'] }),
    },
  };
});

export default ts.config(
  { ignores: ['node_modules/'] },
  js.configs.recommended,
  ...ts.configs.strict,
  ...svelte.configs.recommended,
  { languageOptions: { globals: { ...globals.browser } } },
  { files: ['*.config.{js,ts}'], languageOptions: { globals: globals.node } },
  {
    files: ['**/*.svelte', '**/*.svelte.ts'],
    languageOptions: { parserOptions: { parser: ts.parser, extraFileExtensions: ['.svelte'], svelteConfig } },
  },
  {
    rules: {
      'no-undef': 'off', // the type checker knows better
      'no-console': 'error',
      eqeqeq: 'error',
      '@typescript-eslint/consistent-type-imports': 'error',
      '@typescript-eslint/no-unused-vars': ['error', { argsIgnorePattern: '^_', varsIgnorePattern: '^_' }],
      'svelte/prefer-svelte-reactivity': 'off', // maps behind a version counter are plain on purpose: one signal, not one an entry
      'svelte/no-navigation-without-resolve': 'off', // that rule is for SvelteKit's router; ours is state/route
    },
  },
  {
    // Deep proxies over rows are slow and do not see writes into typed arrays: data is replaced whole.
    files: ['src/data/**'],
    rules: {
      'no-restricted-syntax': [
        'error',
        { selector: "CallExpression[callee.name='$state']", message: 'use $state.raw in data/: it is replaced whole' },
      ],
    },
  },
  ...directions,
);

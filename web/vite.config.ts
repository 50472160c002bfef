// How the web app is built: hashed files into the Python package, nothing fetched from anywhere at run time.
import { svelte } from '@sveltejs/vite-plugin-svelte';
import { defineConfig } from 'vitest/config';

const server = process.env['RUNLORE_BASE_URL'] ?? 'http://127.0.0.1:8417';

export default defineConfig({
  plugins: [svelte()],
  base: '/',
  build: {
    outDir: '../src/runlore/_web',
    emptyOutDir: true,
    target: 'es2024',
    assetsInlineLimit: 0,
    modulePreload: { polyfill: false },
    reportCompressedSize: true,
  },
  worker: { format: 'es' },
  server: { proxy: { '/api': { target: server, changeOrigin: true } } },
  test: { include: ['src/**/*.test.ts'], environment: 'node' },
});

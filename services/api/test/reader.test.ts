import { existsSync } from 'node:fs';
import { chromium, type Browser } from 'playwright-core';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { ensureProgram } from '@capstone/testing/program';
import { TestApi } from './api-app.js';

const places = [
  '/usr/bin/chromium',
  '/usr/bin/chromium-browser',
  '/usr/bin/google-chrome',
  '/Applications/Google Chrome.app/Contents/MacOS/Google Chrome',
];
// As root there is no sandbox, and nothing but the page under test is loaded.
const browserFlags = ['--no-sandbox', '--disable-gpu', '--disable-background-networking'];
const findBrowser = () => places.find((path) => existsSync(path));

describe('the reader in a browser', () => {
  let api: TestApi;
  let browser: Browser;
  let origin: string;
  beforeAll(async () => {
    await ensureProgram({
      isInstalled: () => findBrowser() !== undefined,
      debianPackage: 'chromium',
      advice: 'No browser was found: install Chromium or Google Chrome, and run the tests again.',
    });
    api = await TestApi.start();
    origin = `http://127.0.0.1:${await api.app.listen('127.0.0.1', 0)}`;
    browser = await chromium.launch({ executablePath: findBrowser()!, args: browserFlags });
  }, 300_000);
  afterAll(async () => {
    await browser?.close();
    await api?.stop();
  });

  test('shows every operation, asks nobody but the api, and breaks no rule of its policy', async () => {
    const page = await browser.newPage();
    const requested: string[] = [];
    const complaints: string[] = [];
    page.on('request', (request) => requested.push(request.url()));
    page.on('console', (message) => message.type() === 'error' && complaints.push(message.text()));
    page.on('pageerror', (error) => complaints.push(error.message));

    await page.goto(`${origin}/docs`);
    await page.waitForSelector('.opblock');
    await page.click('#operations-tasks-tasks_create .opblock-summary');
    await page.waitForSelector('#operations-tasks-tasks_create .responses-table');

    const document = (await (await fetch(`${origin}/api/v1/openapi.json`)).json()) as {
      paths: Record<string, object>;
    };
    const operations = Object.values(document.paths).flatMap((path) => Object.keys(path)).length;
    expect(await page.locator('.opblock').count()).toBe(operations);
    expect(await page.title()).toBe('Capstone API');
    const elsewhere = requested.filter(
      (url) => !url.startsWith(origin) && !/^(data|blob):/.test(url),
    );
    expect(elsewhere).toEqual([]);
    expect(complaints).toEqual([]);
  });
});

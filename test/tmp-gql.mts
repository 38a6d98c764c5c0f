import { chromium } from 'playwright-core';
import { Sample } from './server/sample-schema.ts';
import { createApp } from '../src/server/app.ts';
import { pino } from 'pino';
const s = new Sample();
const app = createApp({ schema: s.schema, createContext: s.createContext, logger: pino({level:'trace'}), version:'1', host:'127.0.0.1', port:0, allowAnonymous:false, isReady: async()=>({ok:true,reasons:[]}), isDatabaseUnavailable:()=>false, exampleOperations: [
  { query: 'query Greet($name: String!) {\n  hello(name: $name)\n}', variables: '{ "name": "Tablao" }' },
  { query: 'subscription Follow {\n  ticks\n}' },
]});
const {url} = await app.listen();
const browser = await chromium.launch({executablePath:'/usr/bin/chromium', args:['--headless','--no-sandbox','--disable-gpu','--disable-quic']});
const page = await browser.newPage({ viewport: { width: 1400, height: 800 } });
page.on('request', async r => console.log('REQ', r.method(), r.url().slice(0,80), r.postData()?.slice(0,200)));
page.on('response', async r => { if (r.status()>=400) console.log('RES', r.status(), await r.text()); });
page.on('console', m => console.log('CON', m.type(), m.text().slice(0,300)));
page.on('pageerror', e => console.log('ERR', e));
page.on('websocket', w => { console.log('WS', w.url()); w.on('framesent', f=>console.log('  >', String(f.payload).slice(0,150))); w.on('framereceived', f=>console.log('  <', String(f.payload).slice(0,150)));});
await page.goto(url+'/graphql');
await page.getByRole('button',{name:'Execute query'}).waitFor();
await page.waitForTimeout(3000);
await page.screenshot({path:'/tmp/g1.png'});
await page.getByRole('button',{name:'Execute query'}).click();
await page.waitForTimeout(1500);
await page.screenshot({path:'/tmp/g2.png'});
console.log(await page.getByRole('tab').allInnerTexts());
console.log(await page.evaluate(() => [...document.querySelectorAll('[aria-label]')].map(e => e.tagName+' '+e.getAttribute('role')+' '+e.getAttribute('aria-label')+' '+e.className)));
await page.getByRole("tab").nth(1).click(); await page.waitForTimeout(500); await page.getByRole("tab").nth(0).click(); await page.waitForTimeout(500); await page.screenshot({path:"/tmp/g4.png"}); console.log("VARS", await page.getByRole("region",{name:"Variables"}).innerText()); await page.getByRole("tab").nth(1).click();
await page.waitForTimeout(500);
await page.getByRole('button',{name:'Execute query'}).click();
await page.waitForTimeout(1000);
s.events.emit('tick', 5);
await page.waitForTimeout(700);
await page.screenshot({path:'/tmp/g3.png'});
console.log(await page.locator('.result-window').innerText());
await browser.close(); await app.close(0);

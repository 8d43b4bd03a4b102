// Drives Replicate's own client: reads {auth, baseUrl, fault, picture, calls: [[name, argument, …], …]} from stdin, writes
// one {value} or {error, status} per call to stdout, and how many requests were sent. `picture` is base64; "$PICTURE"
// in an input is its bytes.
"use strict";

const Replicate = require("replicate");

async function main() {
  const { auth, baseUrl, fault, picture, calls } = JSON.parse(require("fs").readFileSync(0, "utf8"));
  const bytes = Buffer.from(picture, "base64");
  let requests = 0;
  const counted = (url, init) => {
    requests += 1;
    const headers = new Headers(init?.headers);
    if (fault) headers.set("Gesso-Test-Fault", fault);
    return fetch(url, { ...init, headers });
  };
  const replicate = new Replicate({ auth, baseUrl, fetch: counted });
  const filled = (input) =>
    Object.fromEntries(Object.entries(input).map(([name, value]) => [name, value === "$PICTURE" ? bytes : value]));
  const known = {
    async run(model, input, wait) {
      const output = await replicate.run(model, { input: filled(input), ...(wait ? { wait } : {}) });
      const all = Array.isArray(output) ? output : [output];
      return Promise.all(
        all.map(async (one) => Buffer.from(await (await one.blob()).arrayBuffer()).toString("base64"))
      );
    },
    async createAndWait(model, input) {
      const made = await replicate.predictions.create({ model, input });
      return replicate.wait(made, { interval: 50 });
    },
    async cancel(model, input) {
      const made = await replicate.predictions.create({ model, input });
      return replicate.predictions.cancel(made.id);
    },
    file: () => replicate.files.create(new Blob([bytes], { type: "image/png" }), { about: "a test" }),
    async models() {
      const names = [];
      for await (const page of replicate.paginate(replicate.models.list)) names.push(...page.map((one) => one.name));
      return names;
    },
    search: async (words) => (await replicate.models.search(words)).results.map((one) => one.name),
    account: () => replicate.accounts.current(),
  };
  const results = [];
  for (const [name, ...rest] of calls) {
    try {
      results.push({ value: await known[name](...rest) });
    } catch (error) {
      results.push({ error: error.message, status: error.response ? error.response.status : null });
    }
  }
  process.stdout.write(JSON.stringify({ results, requests }));
}

main();

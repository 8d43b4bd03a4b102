// Drives Eachlabs' own client: reads {auth, apiBaseUrl, fault, calls: [[method, argument], …]} from stdin, writes one
// {value} or {error} per call to stdout. An argument "$" is the id of the last prediction.
"use strict";

console.log = console.error; // the client prints every request
const Each = require("@eachlabs/aiflow");

const POLL_MILLISECONDS = 50;
const RUNNING = ["starting", "processing"];

async function main() {
  const { auth, apiBaseUrl, fault, calls } = JSON.parse(require("fs").readFileSync(0, "utf8"));
  const options = { auth, apiBaseUrl };
  if (fault) {
    options.fetch = (url, init) => fetch(url, { ...init, headers: { ...init.headers, "Gesso-Test-Fault": fault } });
  }
  const each = new Each(options);
  const polled = async (id) => {
    let found = await each.prediction.get(id);
    while (RUNNING.includes(found.status)) {
      await new Promise((resolve) => setTimeout(resolve, POLL_MILLISECONDS));
      found = await each.prediction.get(id);
    }
    return found;
  };
  const results = [];
  let last;
  for (const [method, argument] of calls) {
    try {
      const given = argument === "$" ? last : argument;
      const value = method === "poll" ? await polled(given) : await each.prediction[method](given);
      last = value.predictionID || value.id || last;
      results.push({ value });
    } catch (error) {
      results.push({ error: error.message });
    }
  }
  process.stdout.write(JSON.stringify(results));
}

main();

// Calls one after the other, each kept with what it gave or with what was wrong with it.
"use strict";

async function attempt(calls) {
  const found = {};
  for (const [name, call] of Object.entries(calls)) {
    try {
      found[name] = { gave: (await call()) ?? null };
    } catch (error) {
      found[name] = { message: error.message, status: error.response?.status, body: error.response?.data };
    }
  }
  return found;
}

module.exports = (calls) => attempt(calls).then((found) => console.log(JSON.stringify(found)));

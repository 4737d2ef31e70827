// SPDX-License-Identifier: Apache-2.0
// Ends by a rejection that nobody handles.
async function amount(entry) {
  return entry.detail.amount;
}

async function main() {
  await amount({});
}

main();

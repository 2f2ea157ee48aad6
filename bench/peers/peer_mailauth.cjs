// Verifies a message over and over with mailauth (npm: mailauth, found by NODE_PATH or in a node_modules above): CPU microseconds a
// message, on standard output. DNS answers come from memory. Arguments: ZONE-FILE MESSAGE SECONDS; exit 77 where it is missing.
'use strict';
const fs = require('fs');
let dkimVerify;
try {
    ({ dkimVerify } = require('mailauth/lib/dkim/verify'));
} catch {
    process.exit(77);
}
const [zonePath, messagePath, seconds] = process.argv.slice(2);
const records = new Map(fs.readFileSync(zonePath, 'ascii').trim().split('\n').map(line =>
    [line.split('. ')[0], [...line.matchAll(/"([^"]*)"/g)].map(match => match[1])]));
const message = fs.readFileSync(messagePath);

const resolver = async name => {
    if (records.has(name)) return [records.get(name)];
    throw Object.assign(new Error('no such name'), { code: 'ENOTFOUND' });
};
const verify = async () => {
    const { results } = await dkimVerify(message, { resolver });
    if (results.length === 0 || results.some(result => result.status.result !== 'pass')) throw new Error(`${messagePath} does not pass`);
};

(async () => {
    for (let i = 0; i < 20; i++) await verify(); // what is compiled on the way counts for nothing
    const start = process.cpuUsage();
    let count = 0, spent = 0;
    while (spent < seconds * 1e6) {
        await verify();
        const { user, system } = process.cpuUsage(start);
        spent = user + system;
        count++;
    }
    console.log((spent / count).toFixed(2));
})().catch(error => { console.error(error.message); process.exit(1); });

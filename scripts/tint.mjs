// Gives recorded shaders to Tint, the compiler of Chromium and of Dawn: every text as a module, and one
// text of every kind, which are those made of the same files, as pipelines, on a device that does nothing.
//
//     node scripts/tint.mjs MODULES SHADERS RECORDED
//
// MODULES holds the npm package webgpu, SHADERS is the folder of the shader library, and RECORDED what
// the unit tests wrote with WFR_TEST_SHADERS. Every file of the library must occur in a text. One text
// is known to be wrong, and must be rejected.

import { readdirSync, readFileSync } from 'node:fs';
import { join, relative } from 'node:path';
import { pathToFileURL } from 'node:url';

const WRONG = 'divergent.wgsl';
// The one file that is not WGSL: the texts hold its portable twin in its place.
const NATIVE = 'wide_high_native.wgsl';

// Bindings that WebGPU promises. Some tests ask for more on purpose: their texts become no pipelines.
const PROMISED = 8;
// What Tint limits and naga does not: a formula of a test nests conditions as deep as formulas go.
const LIMIT = 'statement nesting depth / chaining length exceeds limit';

const [modules, library, recorded] = process.argv.slice(2);
const { create, globals } = await import(pathToFileURL(join(modules, 'webgpu/index.js')));
Object.assign(globalThis, globals);

const gpu = create(['backend=null']);
const adapter = await gpu.requestAdapter();
const device = await adapter.requestDevice({ requiredFeatures: ['subgroups'] });

// Where a line of a text comes from.
function place({ parts }, line) {
    const [first, name] = parts.filter(([first]) => first <= line).at(-1) ?? [1, 'text'];
    return `${name}:${line - first + 1}`;
}

// What Tint has against a text: nothing, or sentences.
async function faults(shader) {
    device.pushErrorScope('validation');
    const module = device.createShaderModule({ code: shader.text });
    const { messages } = await module.getCompilationInfo();
    await device.popErrorScope();
    if (messages.some(({ message }) => message.includes(LIMIT))) {
        deep += 1;
        return [];
    }
    const errors = messages.filter(message => message.type === 'error').map(message => {
        const line = shader.text.split('\n')[message.lineNum - 1]?.trim() ?? '';
        return `${place(shader, message.lineNum)}: ${message.message}\n    ${line}`;
    });
    const kind = shader.parts.map(([, part]) => part).join();
    const bindings = [...shader.text.matchAll(/var<storage/g)].length;
    if (errors.length > 0 || kinds.has(kind) || bindings > PROMISED) return errors;
    kinds.add(kind);
    const entries = shader.text.matchAll(/@compute[^{]*?fn\s+(\w+)/g);
    for (const [, entryPoint] of entries) {
        // Values that the host gives when it compiles: any will do.
        const open = shader.text.matchAll(/^\s*override\s+(\w+)\s*:\s*\w+\s*;/gm);
        const constants = Object.fromEntries([...open].map(([, name]) => [name, 1]));
        device.pushErrorScope('validation');
        device.createComputePipeline({
            layout: 'auto',
            compute: { module, entryPoint, constants },
        });
        const error = await device.popErrorScope();
        if (error) errors.push(`entry point ${entryPoint}: ${error.message}`);
        else pipelines += 1;
    }
    return errors;
}

let pipelines = 0;
let deep = 0;
const kinds = new Set();
let rejected = false;
const wrong = [];
const seen = new Set();
const files = readdirSync(recorded).filter(name => name.endsWith('.json')).sort();
for (const name of files) {
    const shader = JSON.parse(readFileSync(join(recorded, name), 'utf8'));
    shader.parts.forEach(([, part]) => seen.add(part));
    const errors = await faults(shader);
    if (shader.parts.some(([, part]) => part === WRONG)) {
        rejected = errors.length > 0;
    } else if (errors.length > 0) {
        wrong.push(`${name} of ${shader.test}\n  ${errors.join('\n  ')}`);
    }
}

const all = readdirSync(library, { recursive: true, withFileTypes: true })
    .filter(entry => entry.name.endsWith('.wgsl'))
    .map(entry => relative(library, join(entry.parentPath ?? entry.path, entry.name)));
for (const file of all) {
    // Built-in targets go by their names.
    const name = file.startsWith('target/')
        ? file.slice(7, -5).replaceAll('_', '-')
        : file;
    if (name !== NATIVE && !seen.has(name)) wrong.push(`${file} of the shader library is in no text`);
}
if (!rejected) wrong.push(`${WRONG}, a barrier that not all lanes reach, was not rejected`);

console.log(`Tint: ${files.length} texts of ${kinds.size} kinds and ${all.length} files, `
    + `${pipelines} pipelines, ${wrong.length} faults`);
if (deep > 0) console.log(`${deep} nested deeper than Tint goes, and left out`);
wrong.forEach(fault => console.log(fault));
// The device must live until here.
device.destroy();
process.exit(wrong.length > 0 ? 1 : 0);

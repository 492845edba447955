// What has been chosen. It is kept in the browser as far as the browser allows, and saved to a file when the user says so.

const choiceFormat = 'KlingPS gallery choice';
const longestNote = 2000;

/**
 * By key: choice ('Picked', 'Rejected' or null), rating (0 to 5), note, when any of them was last changed (at), and the earliest time at which it can have been
 * picked or rejected (judged; 1970 if that is not known). Includes videos that are no longer in the gallery.
 */
const choices = new Map();
const nothingChosen = Object.freeze({ choice: null, rating: 0, note: '' });
const undoable = [];
const choiceListeners = [];

/** How many choices have been made since the last file was written. */
let changesSinceFile = 0;

/** The keys of the choices that the browser has not kept yet, and whether there is anything else that it has not. */
const unkept = new Set();
let isBehind = false;

/** Whether the browser keeps choices, as far as is known, and whether it is being asked just now. */
let isKept = true;
let isKeeping = false;

function choiceOf(item) {
    return choices.get(item.key) ?? nothingChosen;
}

/** Videos whose tasks had no id at the service yet when they were chosen: by their local id, and the second in which they were submitted. */
const keyOfAttempt = new Map(items.filter(item => item.id && item.taskId && item.created).map(item => [`attempt-${item.id}-${new Date(item.created).toISOString().slice(0, 19).replace(/[-:]/g, '')}`, item.key]));

/** The key that a video has now, given any that it may have had. */
function currentKey(key) {
    return itemOfKey.has(key) ? key : keyOfAttempt.get(key.replace(/^(attempt-\d+-\d{8}T\d{6})\d*Z$/, '$1')) ?? key;
}

/** A choice that was written elsewhere, or null if it is not one. */
function readChoice(record) {
    if (typeof record !== 'object' || record === null || typeof record.key !== 'string' || record.key === '') {
        return null;
    }

    const choice = record.choice || null;
    const rating = record.rating ?? 0;
    const note = record.note ?? '';
    const told = Date.parse(record.at ?? '');
    const at = (Number.isNaN(told) ? Date.parse(record.atLatest ?? gallery.choicesSaved ?? '') : told) || 0;

    // A choice without a time may have been made at any time in the past.
    const judged = Number.isNaN(told) ? 0 : Date.parse(record.judged ?? '');
    return (choice === null || choice === 'Picked' || choice === 'Rejected') && Number.isInteger(rating) && rating >= 0 && rating <= 5 && typeof note === 'string'
        ? { key: currentKey(record.key), choice, rating, note: note.slice(0, longestNote), at, judged: Number.isNaN(judged) ? at : Math.min(judged, at) }
        : null;
}

/** Adopts choices that are later than its own. Counts those for videos that are here and for others, those adopted that are here, and the unreadable ones, and lists the keys of all that were adopted. */
function merge(records) {
    const counts = { here: 0, elsewhere: 0, taken: 0, unreadable: 0, adopted: [] };
    for (const record of records) {
        const read = readChoice(record);
        if (!read) {
            counts.unreadable++;
            continue;
        }

        const isHere = itemOfKey.has(read.key);
        counts[isHere ? 'here' : 'elsewhere']++;
        const own = choices.get(read.key);
        if (!own || own.at < read.at) {
            choices.set(read.key, { choice: read.choice, rating: read.rating, note: read.note, at: read.at, judged: read.judged });
            counts.taken += isHere ? 1 : 0;
            counts.adopted.push(read.key);
        }
    }

    return counts;
}

function change(item, changes) {
    const before = choiceOf(item);
    const after = { ...before, ...changes };
    if (after.choice === before.choice && after.rating === before.rating && after.note === before.note) {
        return;
    }

    undoable.push({ item, before: { choice: before.choice, rating: before.rating, note: before.note }, judged: before.judged });
    write(item, after);
}

/** Records a choice; if it is one that is being restored, with the time at which it was made. */
function write(item, choice, judged) {
    // A clock that was set back must not make a choice older than the one it replaces.
    const before = choices.get(item.key);
    const at = Math.max(Date.now(), (before?.at ?? 0) + 1);

    // Different stars or a different note do not make a new judgement, for which another take would be made.
    const isJudgedSo = before?.choice === choice.choice;
    choices.set(item.key, { choice: choice.choice, rating: choice.rating, note: choice.note, at, judged: isJudgedSo ? before.judged : judged ?? at });
    changesSinceFile++;
    keep([item.key]);
    tellListeners(item);
}

function undo() {
    const last = undoable.pop();
    if (!last) {
        announce('There is nothing to undo.');
        return null;
    }

    write(last.item, last.before, last.judged);
    return last.item;
}

/** Notifies everything that shows choices; without an item, any of them may have changed. */
function tellListeners(item) {
    for (const listener of choiceListeners) {
        listener(item);
    }

    showKeeping();
}

function records(keys = [...choices.keys()]) {
    return keys.map(key => {
        const value = choices.get(key);
        const item = itemOfKey.get(key);
        return {
            key,
            id: item?.id,
            taskId: item?.taskId,
            name: item?.name,
            video: item?.poster.getAttribute('href') ?? undefined,
            choice: value.choice,
            rating: value.rating,
            note: value.note,
            at: new Date(value.at).toISOString(),
            judged: value.judged < value.at ? new Date(value.judged).toISOString() : undefined,
        };
    });
}

/** Has the browser keep the choices with these keys, any others that it has not kept yet, and how many changes are in no file yet. */
async function keep(keys) {
    keys.forEach(key => unkept.add(key));
    isBehind = true;
    if (isKeeping) {
        return;
    }

    isKeeping = true;
    do {
        const batch = [...unkept];
        unkept.clear();
        isBehind = false;
        try {
            await writeKept(records(batch), changesSinceFile);
            isKept = true;
        } catch {
            batch.forEach(key => unkept.add(key));
            isKept = false;
        }
    } while (isKept && isBehind);

    isKeeping = false;
    showKeeping();
}

/** Adopts what the browser has kept from earlier visits. */
async function recall() {
    isKeeping = true;
    try {
        const kept = await readKept();
        if (merge(kept.choices).taken > 0) {
            changesSinceFile += kept.changesSinceFile;
            tellListeners();
        }
    } catch {
        isKept = false;
    }

    isKeeping = false;
    if (isBehind) {
        keep([]);
    } else {
        showKeeping();
    }
}

function startChoices() {
    merge(items.filter(item => item.choice || item.rating || item.note || item.at));
    merge(gallery.elsewhere ?? []);
    recall();
    otherTabs?.addEventListener('message', event => {
        if (merge(event.data).taken > 0) {
            tellListeners();
        }
    });

    addEventListener('beforeunload', event => {
        if (changesSinceFile > 0 && (!isKept || isKeeping)) {
            event.preventDefault();
        }
    });

    byId('save-json').addEventListener('click', saveJson);
    byId('save-csv').addEventListener('click', saveCsv);
    byId('load').addEventListener('click', () => byId('load-file').click());
    byId('load-file').addEventListener('change', async event => {
        const [file] = event.target.files;
        if (file) {
            await load(file);
            event.target.value = '';
        }
    });

    addEventListener('dragover', event => {
        if (event.dataTransfer.types.includes('Files')) {
            event.preventDefault();
        }
    });
    addEventListener('drop', event => {
        const [file] = event.dataTransfer.files;
        if (file) {
            event.preventDefault();
            load(file);
        }
    });

    byId('keep').hidden = false;
    showKeeping();
}

function showKeeping() {
    const button = byId('save-json');
    byId('save-count').textContent = changesSinceFile > 0 ? wholeNumber.format(changesSinceFile) : '';
    button.title = changesSinceFile > 0 ? `${countOf(changesSinceFile, 'change')} not in a file yet` : '';
    byId('keep').ariaBusy = String(isKeeping);
    byId('keep-state').textContent = isKept || changesSinceFile === 0 ? '' : 'This browser keeps nothing: save before you close.';
}

function saveJson() {
    const text = JSON.stringify({
        format: choiceFormat,
        version: 1,
        gallery: gallery.gallery,
        title: gallery.title,
        place: gallery.place,
        saved: new Date().toISOString(),
        choices: records(),
    }, null, 2);
    download(`${text}\n`, 'application/json', 'json');
    changesSinceFile = 0;
    keep([]);
    showKeeping();
}

/** For people and their spreadsheets: every video, one per line. */
function saveCsv() {
    const now = new Date().toISOString();
    const lines = [['Key', 'Id', 'TaskId', 'Name', 'Model', 'Take', 'State', 'Credits', 'Choice', 'Rating', 'Note', 'Video', 'Stamp']];
    for (const item of items) {
        const said = choiceOf(item);
        const since = said.judged < said.at ? ` since ${new Date(said.judged).toISOString()}` : '';
        const stamp = `${said.at ? `${new Date(said.at).toISOString()}${since}` : `unchosen ${now}`} ${checksumOf(said)}`;
        lines.push([item.key, item.id, item.taskId, item.name, modelOf(item), item.take, item.state, item.credits, said.choice, said.rating, said.note, item.poster.getAttribute('href'), stamp]);
    }

    download(`\ufeff${lines.map(line => line.map(quoted).join(',')).join('\r\n')}\r\n`, 'text/csv', 'csv');
}

/** A field of CSV. A spreadsheet must not take any text for a formula; one that begins as if it were protected from that gets a further apostrophe, as one is taken off again. */
function quoted(value) {
    const text = String(value ?? '');
    return `"${(/^'*[=+\-@\t\r]/.test(text) ? `'${text}` : text).replaceAll('"', '""')}"`;
}

/** This checksum (FNV-1a) shows whether somebody has changed a line of a table. */
function checksumOf({ choice, rating, note }) {
    const text = `${choice ?? ''}|${rating}|${note.replace(/\r\n?/g, '\n').trim()}`;
    let sum = 0x811c9dc5;
    for (let i = 0; i < text.length; i++) {
        sum = Math.imul(sum ^ text.charCodeAt(i), 0x01000193) >>> 0;
    }

    return sum.toString(16).padStart(8, '0');
}

/** The rows of a table as spreadsheets write it, or null if it is not one: values in quotation marks if they need them, separated by commas, semicolons or tabs. */
function rowsOf(text) {
    const told = /^sep=(.)[^\n]*\n/i.exec(text);
    const body = told ? text.slice(told[0].length) : text;
    const heading = /^[^\r\n]*/.exec(body)[0];
    const separator = told?.[1] ?? [',', ';', '\t'].reduce((most, one) => heading.split(one).length > heading.split(most).length ? one : most);
    const rows = [];
    let row = [];
    let at = 0;
    while (at < body.length) {
        let value = '';
        if (body[at] === '"') {
            for (at++; ; at++) {
                if (at >= body.length) {
                    return null;
                }

                if (body[at] !== '"') {
                    value += body[at];
                } else if (body[at + 1] === '"') {
                    at++;
                    value += '"';
                } else {
                    at++;
                    break;
                }
            }
        }

        while (at < body.length && body[at] !== separator && body[at] !== '\r' && body[at] !== '\n') {
            value += body[at++];
        }

        row.push(value);
        if (body[at] === separator) {
            at++;
            if (at < body.length) {
                continue;
            }

            row.push('');
        } else {
            at += body[at] === '\r' && body[at + 1] === '\n' ? 2 : 1;
        }

        rows.push(row);
        row = [];
    }

    return rows.filter(values => values.some(value => value !== ''));
}

/** Turns a table that the page has saved, and that somebody may have changed, into a saved choice. */
function readTable(text, written) {
    const [heading, ...rows] = rowsOf(text) ?? [];
    const names = heading?.map(name => name.trim().toLowerCase()) ?? [];
    if (!(names.includes('key') || names.includes('taskid')) || !['choice', 'rating', 'note'].some(name => names.includes(name))) {
        throw new SyntaxError('no such columns');
    }

    const said = new Map();
    const saved = { format: choiceFormat, version: 1, choices: [] };
    for (const values of rows) {
        const record = readLine(name => (values[names.indexOf(name)] ?? '').replace(/^'(?='*[=+\-@\t\r])/, ''), written);
        const former = said.get(record.key);
        if (!former) {
            said.set(record.key, record);
            saved.choices.push(record);
        } else if (checksumOf(former) !== checksumOf(record)) {
            // Neither counts, and both are reported as unreadable.
            former.choice = 'two lines';
            saved.choices.push({ ...former });
        }
    }

    // A line without a choice undoes nothing.
    saved.choices = saved.choices.filter(record => record.at !== null);
    return saved;
}

const wordsOfChoice = { '': null, none: null, neither: null, u: null, picked: 'Picked', pick: 'Picked', p: 'Picked', rejected: 'Rejected', reject: 'Rejected', x: 'Rejected' };

function readLine(get, written) {
    const word = get('choice').trim();
    const choice = wordsOfChoice[word.toLowerCase()];
    const stars = get('rating').trim();
    const record = {
        key: currentKey(get('key').trim() || get('taskid').trim()),
        choice: choice === undefined ? word : choice,
        rating: /^[0-9]*$/.test(stars) ? Number(stars) : -1,
        note: get('note').trim(),
    };
    const stamp = /^(unchosen )?(\d{4}-\d\d-\d\dT[0-9:.]+Z)(?: since (\d{4}-\d\d-\d\dT[0-9:.]+Z))? ([0-9a-f]{8})$/.exec(get('stamp').trim());
    record.judged = stamp ? stamp[3] ?? stamp[2] : new Date(0).toISOString();
    if (!stamp) {
        record.at = new Date(written).toISOString();
    } else if (stamp[4] !== checksumOf(record)) {
        record.at = new Date(Math.max(written, Date.parse(stamp[2]) || 0)).toISOString();
    } else {
        record.at = stamp[1] ? null : stamp[2];
    }

    return record;
}

function decoded(address) {
    try {
        return decodeURIComponent(address);
    } catch {
        return address;
    }
}

function download(text, type, extension) {
    const page = decoded(location.pathname.split('/').pop()).replace(/\.html?$/i, '') || 'gallery';
    const name = `${page}.choice.${extension}`;
    const address = URL.createObjectURL(new Blob([text], { type }));
    const link = make('a', { href: address, download: name });
    link.click();
    setTimeout(() => URL.revokeObjectURL(address), 60000);
    tell(`${name} is in your downloads.`);
}

/** The text of a file, decoded by the mark that it begins with, otherwise as UTF-8. */
async function textOfFile(file) {
    const bytes = new Uint8Array(await file.arrayBuffer());
    const encoding = bytes[0] === 0xff && bytes[1] === 0xfe ? 'utf-16le' : bytes[0] === 0xfe && bytes[1] === 0xff ? 'utf-16be' : 'utf-8';
    return new TextDecoder(encoding, { fatal: true }).decode(bytes);
}

async function load(file) {
    let saved;
    try {
        if (file.size > 64 * 1024 * 1024) {
            throw new RangeError('too large');
        }

        const text = (await textOfFile(file)).trimStart();
        saved = /^[{[]/.test(text) ? JSON.parse(text) : readTable(text, file.lastModified);
    } catch {
        tell(`${file.name} is not a saved choice: it is not readable as JSON, nor as a table in UTF-8 with the columns Key, Choice, Rating and Note. Your choice here is as it was.`);
        return;
    }

    if (saved?.format !== choiceFormat || !Array.isArray(saved.choices)) {
        tell(`${file.name} is not a saved choice. Your choice here is as it was.`);
        return;
    }

    if (saved.version !== 1) {
        tell(`${file.name} was written by a later version of KlingPS. Your choice here is as it was.`);
        return;
    }

    const isOwn = saved.gallery === gallery.gallery;
    const said = saved.choices.map(record => typeof record === 'object' && record !== null && !record.at ? { ...record, at: undefined, atLatest: saved.saved ?? new Date(file.lastModified).toISOString() } : record);
    const known = said.filter(record => itemOfKey.has(currentKey(String(record?.key))));
    if (!isOwn && known.length === 0 && saved.choices.length > 0) {
        tell(`${file.name} belongs to another gallery, ${String(saved.title ?? 'without a title').slice(0, 100)}, and none of its videos is here. Your choice here is as it was.`);
        return;
    }

    const counts = merge(isOwn ? said : known);
    const older = counts.here - counts.taken;
    const elsewhere = isOwn ? counts.elsewhere : saved.choices.length - known.length;
    changesSinceFile += counts.taken;
    keep(counts.adopted);
    tellListeners();
    tell([
        `Loaded ${countOf(counts.taken, 'choice')} from ${file.name}.`,
        older > 0 ? `${countOf(older, 'other')} ${older === 1 ? 'was' : 'were'} no later than yours.` : '',
        elsewhere > 0 ? `${countOf(elsewhere, 'video')} of it ${elsewhere === 1 ? 'is' : 'are'} not here.` : '',
        counts.unreadable > 0 ? `${countOf(counts.unreadable, 'entry', 'entries')} could not be read and ${counts.unreadable === 1 ? 'was' : 'were'} left out.` : '',
    ].filter(Boolean).join(' '));
}

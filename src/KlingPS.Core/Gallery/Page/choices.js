// What has been chosen. It is kept in the browser as far as that lets it, and goes into a file when the user says so.

const choiceFormat = 'KlingPS gallery choice';
const longestNote = 2000;
const storageKey = `klingps-gallery:${gallery.gallery}`;

/** By key: choice ('Picked', 'Rejected' or null), rating (0 to 5), note, and when it was chosen. Also those of videos that are no longer in the gallery. */
const choices = new Map();
const nothingChosen = Object.freeze({ choice: null, rating: 0, note: '' });
const undoable = [];
const choiceListeners = [];

/** How many choices have been made since the last file was written. */
let changesSinceFile = 0;
let isKept = true;

function choiceOf(item) {
    return choices.get(item.key) ?? nothingChosen;
}

/** What somebody else wrote down as a choice, or null if it is none. */
function readChoice(record) {
    if (typeof record !== 'object' || record === null || typeof record.key !== 'string' || record.key === '') {
        return null;
    }

    const choice = record.choice || null;
    const rating = record.rating ?? 0;
    const note = record.note ?? '';
    const at = Date.parse(record.at ?? gallery.choicesSaved ?? '') || 0;
    return (choice === null || choice === 'Picked' || choice === 'Rejected') && Number.isInteger(rating) && rating >= 0 && rating <= 5 && typeof note === 'string'
        ? { key: record.key, choice, rating, note: note.slice(0, longestNote), at }
        : null;
}

/** Takes over choices that are later than the own ones. Counts those of videos that are here and of others, those taken over, and those not to be read. */
function merge(records) {
    const counts = { here: 0, elsewhere: 0, taken: 0, unreadable: 0 };
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
            choices.set(read.key, { choice: read.choice, rating: read.rating, note: read.note, at: read.at });
            counts.taken += isHere ? 1 : 0;
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

    undoable.push({ item, before: { choice: before.choice, rating: before.rating, note: before.note } });
    write(item, after);
}

function write(item, choice) {
    // A clock that was set back must not make a choice older than the one it replaces.
    const at = Math.max(Date.now(), (choices.get(item.key)?.at ?? 0) + 1);
    choices.set(item.key, { choice: choice.choice, rating: choice.rating, note: choice.note, at });
    changesSinceFile++;
    keep();
    tellListeners(item);
}

function undo() {
    const last = undoable.pop();
    if (!last) {
        announce('There is nothing to undo.');
        return null;
    }

    write(last.item, last.before);
    return last.item;
}

/** Tells everything that shows choices; without an item, that any of them may have changed. */
function tellListeners(item) {
    for (const listener of choiceListeners) {
        listener(item);
    }

    showKeeping();
}

function records() {
    return [...choices].map(([key, value]) => {
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
        };
    });
}

/** Writes the choices into the browser's storage, which a page opened from a file may not have. */
function keep() {
    try {
        // Another tab may have chosen meanwhile.
        merge(readKept());
        localStorage.setItem(storageKey, JSON.stringify({ choices: records(), changesSinceFile }));
        isKept = true;
    } catch {
        isKept = false;
    }
}

function readKept() {
    try {
        const kept = JSON.parse(localStorage.getItem(storageKey) ?? 'null');
        return Array.isArray(kept?.choices) ? kept.choices : [];
    } catch {
        return [];
    }
}

function startChoices() {
    merge(items.filter(item => item.choice || item.rating || item.note || item.at));
    try {
        const kept = JSON.parse(localStorage.getItem(storageKey) ?? 'null');
        changesSinceFile = Number.isInteger(kept?.changesSinceFile) ? kept.changesSinceFile : 0;
        localStorage.setItem(`${storageKey}:try`, '');
        localStorage.removeItem(`${storageKey}:try`);
    } catch {
        isKept = false;
    }

    if (merge(readKept()).taken === 0 && isKept) {
        changesSinceFile = 0;
    }

    addEventListener('storage', event => {
        if (event.key === storageKey && merge(readKept()).taken > 0) {
            tellListeners();
        }
    });

    addEventListener('beforeunload', event => {
        if (!isKept && changesSinceFile > 0) {
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
    if (isKept) {
        keep();
    }

    showKeeping();
}

/** For people and their spreadsheets: every video, one a line. */
function saveCsv() {
    const lines = [['Key', 'Id', 'TaskId', 'Name', 'Model', 'Take', 'State', 'Credits', 'Choice', 'Rating', 'Note', 'Video']];
    for (const item of items) {
        const { choice, rating, note } = choiceOf(item);
        lines.push([item.key, item.id, item.taskId, item.name, modelOf(item), item.take, item.state, item.credits, choice, rating, note, item.poster.getAttribute('href')]);
    }

    download(`\ufeff${lines.map(line => line.map(quoted).join(',')).join('\r\n')}\r\n`, 'text/csv', 'csv');
}

/** A field of CSV. A spreadsheet must take no text for a formula. */
function quoted(value) {
    const text = String(value ?? '');
    return `"${(/^[=+\-@\t\r]/.test(text) ? `'${text}` : text).replaceAll('"', '""')}"`;
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

async function load(file) {
    let saved;
    try {
        if (file.size > 64 * 1024 * 1024) {
            throw new RangeError('too large');
        }

        saved = JSON.parse((await file.text()).replace(/^\ufeff/, ''));
    } catch {
        tell(`${file.name} is not a saved choice: it is not readable as JSON. Your choice here is as it was.`);
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
    const known = saved.choices.filter(record => itemOfKey.has(record?.key));
    if (!isOwn && known.length === 0) {
        tell(`${file.name} belongs to another gallery, ${String(saved.title ?? 'without a title').slice(0, 100)}, and none of its videos is here. Your choice here is as it was.`);
        return;
    }

    const counts = merge(isOwn ? saved.choices : known);
    const older = counts.here - counts.taken;
    const elsewhere = isOwn ? counts.elsewhere : saved.choices.length - known.length;
    changesSinceFile += counts.taken;
    keep();
    tellListeners();
    tell([
        `Loaded ${countOf(counts.taken, 'choice')} from ${file.name}.`,
        older > 0 ? `${countOf(older, 'other')} ${older === 1 ? 'was' : 'were'} no later than yours.` : '',
        elsewhere > 0 ? `${countOf(elsewhere, 'video')} of it ${elsewhere === 1 ? 'is' : 'are'} not here.` : '',
        counts.unreadable > 0 ? `${countOf(counts.unreadable, 'entry', 'entries')} could not be read and ${counts.unreadable === 1 ? 'was' : 'were'} left out.` : '',
    ].filter(Boolean).join(' '));
}

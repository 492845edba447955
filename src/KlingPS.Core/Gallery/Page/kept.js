// What the browser keeps of the choices from one visit to the next: a small database for each gallery, if the browser lets the page have one.
//
// It is not localStorage. Chromium may not connect a page to that, by chance and without an error: the page can write there and read what it has
// written, but all of it is gone once the page is closed. A database tells what it has kept.

const keptName = `klingps-gallery:${gallery.gallery}`;
const otherTabs = openChannel();
let keptDatabase = null;

/** What was kept: the choices, as records() has them, and how many changes were in no file yet. */
function readKept() {
    return withKept('readonly', (storedChoices, counts) => {
        const all = storedChoices.getAll();
        const changes = counts.get('changesSinceFile');
        return () => ({ choices: all.result, changesSinceFile: Number.isInteger(changes.result) ? changes.result : 0 });
    });
}

/** Keeps these choices beside those that are there already, and tells other tabs with the same gallery. */
async function writeKept(records, changes) {
    await withKept('readwrite', (storedChoices, counts) => {
        for (const record of records) {
            storedChoices.put(record);
        }

        counts.put(changes, 'changesSinceFile');
    });
    otherTabs?.postMessage(records);
}

/** Does something in a transaction. If it returns a function, that gives the result once the transaction is complete. */
async function withKept(mode, work) {
    try {
        const database = await (keptDatabase ??= openKept());
        const transaction = database.transaction(['choices', 'counts'], mode);
        const result = work(transaction.objectStore('choices'), transaction.objectStore('counts'));
        await new Promise((resolve, reject) => {
            transaction.oncomplete = resolve;
            transaction.onabort = () => reject(transaction.error);
        });
        return result?.();
    } catch (error) {
        keptDatabase = null;
        throw error;
    }
}

function openKept() {
    return new Promise((resolve, reject) => {
        const opening = indexedDB.open(keptName, 1);
        opening.onupgradeneeded = () => {
            opening.result.createObjectStore('choices', { keyPath: 'key' });
            opening.result.createObjectStore('counts');
        };
        opening.onsuccess = () => {
            // If somebody deletes what the browser keeps, the connection ends, and the next choice makes a new one.
            opening.result.onclose = () => keptDatabase = null;
            opening.result.onversionchange = () => {
                opening.result.close();
                keptDatabase = null;
            };
            resolve(opening.result);
        };
        opening.onerror = () => reject(opening.error);
    });
}

/** Reaches the other tabs with the same gallery, or is null if the browser does not let the page. */
function openChannel() {
    try {
        return new BroadcastChannel(keptName);
    } catch {
        return null;
    }
}

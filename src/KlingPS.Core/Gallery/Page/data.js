// The input of the page: the data in its JSON block, and the cards, which hold the texts and the addresses.

const byId = id => document.getElementById(id);
const gallery = JSON.parse(byId('gallery-data').textContent);
const grid = byId('grid');

/** The name of each status. Those that call for action come before those that do not. */
const statuses = {
    saved: 'Saved',
    unsaved: 'Not saved',
    missing: 'Moved or deleted',
    unknown: 'Unknown',
    pending: 'Not finished',
    failed: 'Failed',
    rejected: 'Refused',
    abandoned: 'Given up',
    taken: 'Taken elsewhere',
};

const items = gallery.items.map((record, index) => {
    const card = byId(`c${index}`);
    const poster = card.querySelector('.poster');
    return {
        ...record,
        index,
        card,
        poster,
        take: record.take ?? 1,
        credits: record.credits ?? 0,
        seconds: record.seconds ?? 0,
        prompt: record.prompt ?? textOf(card, '.prompt'),
        reason: textOf(card, '.reason'),
        stateText: textOf(card, '.state'),
        video: poster.hasAttribute('href') ? poster.href : null,
        image: poster.querySelector('img')?.src ?? null,
        created: record.created ? Date.parse(record.created) : 0,
    };
});

const itemOfCard = new Map(items.map(item => [item.card, item]));
const itemOfKey = new Map(items.map(item => [item.key, item]));

/** The items of each image, in the server's order. */
const stacks = new Map();
for (const item of items) {
    item.stack ??= 0;
    item.words = folded(`${item.name}\n${item.prompt}`);
    stacks.set(item.stack, [...stacks.get(item.stack) ?? [], item]);
}

/** The stacks in which videos differ by their take. */
const stacksOfTakes = new Set(items.filter(item => item.take > 1).map(item => item.stack));

function textOf(card, selector) {
    return card.querySelector(selector)?.textContent ?? '';
}

/** A text in the form used for searching: width, case and composition of letters make no difference. */
function folded(text) {
    return text.normalize('NFKC').toLowerCase();
}

/** A command from its parts; the number 0 stands for the prompt. */
function commandOf(item, parts) {
    return parts?.map(part => part === 0 ? item.prompt : part).join('') ?? '';
}

function modelOf(item) {
    return gallery.models[item.model ?? 0] ?? '';
}

/** What an item is called on its own: its name, and its take if there are several. */
function nameOf(item) {
    return stacksOfTakes.has(item.stack) ? `${item.name}, take ${item.take}` : item.name;
}

/** How long a video is; empty if that is not known. */
function lengthOf(item) {
    return item.seconds > 0 ? countOf(item.seconds, 'second') : '';
}

const wholeNumber = new Intl.NumberFormat('en-US');
const creditNumber = new Intl.NumberFormat('en-US', { maximumFractionDigits: 3 });
const dollarNumber = new Intl.NumberFormat('en-US', { style: 'currency', currency: 'USD' });
const timeFormat = new Intl.DateTimeFormat(undefined, { dateStyle: 'medium', timeStyle: 'short' });

function dollarsOf(credits) {
    // Half a cent is rounded up, whatever binary fractions make of it.
    return dollarNumber.format(Math.round(credits * gallery.dollarsPerCredit * 100 + 1e-6) / 100);
}

function countOf(number, singular, plural = `${singular}s`) {
    return `${wholeNumber.format(number)} ${number === 1 ? singular : plural}`;
}

/** How far a time is in the future or the past, roughly: "5 hours". */
function spanOf(milliseconds) {
    const minutes = Math.abs(milliseconds) / 60000;
    if (minutes < 1) {
        return 'less than a minute';
    }

    if (minutes < 90) {
        return countOf(Math.round(minutes), 'minute');
    }

    return minutes < 48 * 60 ? countOf(Math.round(minutes / 60), 'hour') : countOf(Math.round(minutes / 1440), 'day');
}

/** What is left until a time, as people say it. */
function leftUntil(time, now) {
    return time > now ? `${spanOf(time - now)} left` : `ended ${spanOf(now - time)} ago`;
}

/** Makes an element. Texts only ever become text, never markup. */
function make(name, properties = {}, ...children) {
    const element = document.createElement(name);
    for (const [key, value] of Object.entries(properties)) {
        if (key === 'class') {
            element.className = value;
        } else if (key.startsWith('on')) {
            element.addEventListener(key.slice(2), value);
        } else if (key in element) {
            element[key] = value;
        } else {
            element.setAttribute(key, value);
        }
    }

    element.append(...children);
    return element;
}

function icon(name) {
    return make('span', { class: `i-${name}` });
}

/** While a view covers the whole page, the page does not scroll. A selector with :has would be evaluated for every card that comes into view. */
function showCovered() {
    document.documentElement.classList.toggle('covered', document.querySelector('dialog.full[open]') !== null);
}

let toastTimer = 0;

/** Shows a message for a moment, and tells it to screen readers. */
function tell(text) {
    const toast = byId('toast');

    // Inside an open dialog; otherwise it would be behind it.
    (document.querySelector('dialog[open]') ?? document.body).append(toast);
    toast.textContent = text;
    toast.classList.add('shown');
    clearTimeout(toastTimer);
    toastTimer = setTimeout(() => toast.classList.remove('shown'), 8000);
}

/** Tells a message to screen readers only. */
function announce(text) {
    const live = byId('live');
    (document.querySelector('dialog[open]') ?? document.body).append(live);
    live.textContent = text;
}

/** Copies a text, even if the page has no right to the clipboard, as on a plain web server. */
async function copy(text, what) {
    try {
        await navigator.clipboard.writeText(text);
        tell(`Copied the ${what}.`);
        return;
    } catch {
        // The older method needs no such right.
    }

    const focused = document.activeElement;
    const area = make('textarea', { class: 'visually-hidden', value: text, 'aria-hidden': 'true' });
    (document.querySelector('dialog[open]') ?? document.body).append(area);
    area.select();
    const copied = document.execCommand('copy');
    area.remove();
    focused?.focus();
    tell(copied ? `Copied the ${what}.` : `The browser did not let the page copy the ${what}. Select it and copy it yourself.`);
}

function copyButton(text, what) {
    return make('button', { type: 'button', class: 'icon', title: `Copy the ${what}`, 'aria-label': `Copy the ${what}`, onclick: () => copy(text(), what) }, icon('copy'));
}

// The grid: what is shown, in which order, the sums, and which card is the current one.

const filters = { find: '', choice: '', rating: '', state: '', model: '', folder: '' };
const openStacks = new Set();

/** The items that pass the filters, and those of them that have a card on the screen: not the ones inside a closed stack. */
let passing = [];
let shown = [];

/** In the order in which the cards are in the page. */
let laidOut = items;
let current = null;

const choiceWords = { Picked: 'Picked', Rejected: 'Rejected', '': 'Undecided' };
const ratingWords = { 5: '5 stars', 4: '4 stars', 3: '3 stars', 2: '2 stars', 1: '1 star', 0: 'No stars' };

/** For each filter: the value of an item, the possible values, and their names. */
const facets = {
    choice: { select: 'by-choice', value: item => choiceOf(item).choice ?? '', values: ['Picked', 'Rejected', ''], name: value => choiceWords[value] },
    rating: { select: 'by-rating', value: item => choiceOf(item).rating, values: [5, 4, 3, 2, 1, 0], name: value => ratingWords[value] },
    state: {
        select: 'by-state',
        value: item => item.status,
        values: Object.keys(statuses).filter(status => items.some(item => item.status === status)),
        name: value => statuses[value],
    },
    model: { select: 'by-model', value: item => item.model ?? 0, values: gallery.models.map((_, index) => index), name: value => gallery.models[value] || 'Not known' },
    folder: { select: 'by-folder', value: item => item.folder ?? 0, values: gallery.folders.map((_, index) => index), name: value => gallery.folders[value] || 'Beside this page' },
};

const nameOrder = new Intl.Collator(undefined, { numeric: true });
const orders = {
    name: { name: 'Name', compare: null },
    newest: { name: 'Newest first', compare: (a, b) => b.created - a.created },
    oldest: { name: 'Oldest first', compare: (a, b) => a.created - b.created },
    dearest: { name: 'Highest cost', compare: (a, b) => b.credits - a.credits },
    cheapest: { name: 'Lowest cost', compare: (a, b) => a.credits - b.credits },
    best: { name: 'Best rating', compare: (a, b) => choiceOf(b).rating - choiceOf(a).rating },
    worst: { name: 'Lowest rating', compare: (a, b) => choiceOf(a).rating - choiceOf(b).rating },
};
let order = 'name';

function passes(item, except) {
    for (const [name, facet] of Object.entries(facets)) {
        if (name !== except && filters[name] !== '' && `is:${facet.value(item)}` !== filters[name]) {
            return false;
        }
    }

    return except === 'find' || filters.find.split(/\s+/).every(word => item.words.includes(word));
}

/** Which of a stack's items represents it: the one that was picked, has more stars, can be played, or else comes first. */
function coverOf(members) {
    const worth = item => {
        const { choice, rating } = choiceOf(item);
        return (choice === 'Picked' ? 100 : choice === 'Rejected' ? -100 : 0) + rating * 10 + (item.video ? 5 : 0) + (item.status === 'saved' ? 1 : 0);
    };
    return members.reduce((best, item) => worth(item) > worth(best) ? item : best);
}

/** Works out what is shown, and shows it. The current card stays the current one; if it is gone, the one in its place becomes it. */
function refresh() {
    const hadFocus = current !== null && current.card.contains(document.activeElement);
    const place = shown.indexOf(current);
    const passingSet = new Set(items.filter(item => passes(item)));
    passing = [...passingSet];

    const { compare } = orders[order];
    const groups = [];
    for (const members of stacks.values()) {
        const left = members.filter(item => passingSet.has(item));
        if (left.length > 0) {
            groups.push({ members: compare ? left.toSorted(compare) : left, cover: coverOf(left), isOpen: openStacks.has(left[0].stack) });
        }
    }

    if (compare) {
        groups.sort((a, b) => compare(a.cover, b.cover));
    }

    shown = groups.flatMap(group => group.isOpen ? group.members : [group.cover]);
    layOut(shown);
    const shownSet = new Set(shown);
    for (const item of items) {
        if (item.card.hidden === shownSet.has(item)) {
            item.card.hidden = !item.card.hidden;
            if (item.card.hidden) {
                stop(item);
            }
        }
    }

    for (const { members, cover, isOpen } of groups) {
        const first = isOpen ? members[0] : cover;
        for (const item of members) {
            showStack(item, members, isOpen, item === first);
        }
    }

    if (!shownSet.has(current)) {
        const cover = groups.find(group => group.members.includes(current))?.cover;
        setCurrent(cover ?? shown[Math.min(Math.max(place, 0), shown.length - 1)] ?? null);
    }

    if (hadFocus && !byId('large').open && !byId('compare').open) {
        current?.poster.focus();
    }

    showNumbers();
}

/** Puts the cards in order, moving none unless it has to. */
function layOut(wanted) {
    const places = new Map(laidOut.map((item, index) => [item, index]));
    if (wanted.every((item, index) => index === 0 || places.get(wanted[index - 1]) < places.get(item))) {
        return;
    }

    stopAll();
    const first = new Set(wanted);
    laidOut = [...wanted, ...items.filter(item => !first.has(item))];
    grid.append(...laidOut.map(item => item.card));
}

function showStack(item, members, isOpen, isFirst) {
    const { classList } = item.card;
    const isStack = members.length > 1;
    classList.toggle('stack', isStack && !isOpen);
    classList.toggle('open-stack', isStack && isOpen);
    item.card.querySelector('.within')?.remove();
    let badge = item.card.querySelector('.badge');
    if (!isStack || !isFirst) {
        badge?.remove();
        return;
    }

    if (!badge) {
        badge = make('button', { type: 'button', class: 'badge', title: 'Open or close the stack (S)', onclick: () => toggleStack(item) });
        item.poster.after(badge);
    }

    // A video that needs attention must not be hidden because it is in a closed stack.
    const hidden = isOpen ? [] : Object.keys(statuses)
        .map(status => [status, members.filter(member => member !== item && member.status === status && status !== 'saved').length])
        .filter(([, count]) => count > 0);
    const within = hidden.map(([status, count]) => `${wholeNumber.format(count)} ${statuses[status].toLowerCase()}`).join(', ');
    if (within) {
        badge.after(make('p', { class: 'within' }, item.status === 'saved' ? within : `and ${within}`));
    }

    badge.replaceChildren(icon('stack'), String(members.length));
    badge.setAttribute('aria-expanded', isOpen);
    badge.setAttribute('aria-label', `${countOf(members.length, 'video')} of this image${within ? `: ${within}` : ''}`);
    badge.tabIndex = item === current ? 0 : -1;
}

function toggleStack(item) {
    const wasOpen = openStacks.delete(item.stack);
    if (!wasOpen) {
        openStacks.add(item.stack);
    }

    refresh();
    announce(wasOpen ? 'Stack closed' : 'Stack open');
}

function toggleAllStacks() {
    const isOpening = byId('stacks').getAttribute('aria-pressed') === 'false';
    openStacks.clear();
    if (isOpening) {
        stacks.forEach((_, stack) => openStacks.add(stack));
    }

    byId('stacks').setAttribute('aria-pressed', isOpening);
    refresh();
}

function setCurrent(item) {
    if (current === item) {
        return;
    }

    if (current) {
        current.card.classList.remove('current');
        setTabStops(current, false);
    }

    current = item;
    if (item) {
        dress(item);
        item.card.classList.add('current');
        setTabStops(item, true);
    }
}

/** Makes another card the current one and brings it into sight. */
function goTo(item) {
    if (item) {
        setCurrent(item);
        item.poster.focus();
    }
}

function columns() {
    return Math.max(1, getComputedStyle(grid).gridTemplateColumns.split(' ').length);
}

function move(steps) {
    const place = shown.indexOf(current);
    const target = place + steps;

    // Down from a full row into a shorter last one still goes down.
    const isLastRow = steps > 1 && target >= shown.length && Math.floor(place / steps) < Math.floor((shown.length - 1) / steps);
    goTo(shown[isLastRow ? shown.length - 1 : target]);
}

function sumOf(list) {
    const credits = list.reduce((sum, item) => sum + item.credits, 0);
    return [make('b', {}, countOf(list.length, 'video')), ' ', make('span', {}, `${creditNumber.format(credits)} credits · ${dollarsOf(credits)}`)];
}

/** The sums in the head, the counts in the filters, and the message for an empty grid. */
function showNumbers() {
    byId('sum-all').replaceChildren(...sumOf(items));
    byId('sum-shown').replaceChildren(...sumOf(passing));
    byId('sum-picked').replaceChildren(...sumOf(items.filter(item => choiceOf(item).choice === 'Picked')));
    for (const [name, facet] of Object.entries(facets)) {
        const counts = new Map();
        for (const item of items) {
            if (passes(item, name)) {
                counts.set(facet.value(item), (counts.get(facet.value(item)) ?? 0) + 1);
            }
        }

        for (const option of byId(facet.select).options) {
            const text = option.value === '' ? 'Any' : `${facet.name(facet.values[option.index - 1])} (${wholeNumber.format(counts.get(facet.values[option.index - 1]) ?? 0)})`;
            if (option.textContent !== text) {
                option.textContent = text;
            }
        }
    }

    const isFiltered = Object.values(filters).some(value => value !== '');
    byId('clear').disabled = !isFiltered;
    byId('empty').hidden = shown.length > 0;
    byId('empty-clear').hidden = !isFiltered;
    byId('empty-text').textContent = items.length === 0 ? 'There are no videos in this gallery.' : 'No video passes these filters.';
}

function setFilter(name, value) {
    filters[name] = value;
    refresh();
    announce(`${countOf(passing.length, 'video')} of ${wholeNumber.format(items.length)} shown`);
}

function clearFilters() {
    for (const name of Object.keys(filters)) {
        filters[name] = '';
    }

    byId('find').value = '';
    Object.values(facets).forEach(facet => byId(facet.select).value = '');
    refresh();
    announce('All videos are shown.');
    byId('find').focus();
}

/** All rows have the same height, which follows from the width of the columns; so rows out of sight need no layout. */
function measureRows() {
    const width = parseFloat(getComputedStyle(grid).gridTemplateColumns);
    grid.style.setProperty('--row', `calc(${width * 9 / 16}px + 10.5rem)`);
}

function startGrid() {
    for (const [name, facet] of Object.entries(facets)) {
        const select = byId(facet.select);
        select.append(make('option', { value: '' }), ...facet.values.map(value => make('option', { value: `is:${value}` })));
        select.addEventListener('change', () => setFilter(name, select.value));
        select.closest('label').hidden = facet.values.length < 2;
    }

    const sort = byId('sort');
    sort.append(...Object.entries(orders).map(([value, { name }]) => make('option', { value }, name)));
    sort.value = order;
    sort.addEventListener('change', () => {
        order = sort.value;
        refresh();
    });

    byId('find').addEventListener('input', event => setFilter('find', folded(event.target.value.trim())));
    byId('clear').addEventListener('click', clearFilters);
    byId('empty-clear').addEventListener('click', clearFilters);
    byId('stacks').addEventListener('click', toggleAllStacks);
    byId('stacks').hidden = stacks.size === items.length;
    byId('size').addEventListener('input', event => {
        grid.style.setProperty('--column', `${event.target.value}rem`);
        measureRows();
    });

    grid.addEventListener('click', event => {
        const card = event.target.closest('.card');
        if (!card || event.button !== 0 || event.shiftKey || event.altKey) {
            return;
        }

        const item = itemOfCard.get(card);
        setCurrent(item);
        if (event.target.closest('.poster, h2')) {
            event.preventDefault();
            if (event.ctrlKey || event.metaKey) {
                mark(item);
            } else {
                openLarge(item);
            }
        }
    });
    grid.addEventListener('focusin', event => {
        const item = itemOfCard.get(event.target.closest('.card'));
        if (item) {
            setCurrent(item);
            if (event.target === item.poster) {
                preview(item);
            }
        }
    });
    grid.addEventListener('focusout', event => {
        const item = itemOfCard.get(event.target.closest('.card'));
        if (item && !item.card.contains(event.relatedTarget)) {
            endPreview(item);
        }
    });
    grid.addEventListener('pointerover', event => {
        const poster = event.target.closest('.poster');
        if (poster && !poster.contains(event.relatedTarget) && event.pointerType === 'mouse') {
            preview(itemOfCard.get(poster.closest('.card')));
        }
    });
    grid.addEventListener('pointerout', event => {
        const poster = event.target.closest('.poster');
        if (poster && !poster.contains(event.relatedTarget) && event.pointerType === 'mouse') {
            endPreview(itemOfCard.get(poster.closest('.card')));
        }
    });

    choiceListeners.push(item => {
        if (!item || filters.choice !== '' || filters.rating !== '') {
            refresh();
        } else {
            showNumbers();
        }
    });

    new ResizeObserver(measureRows).observe(grid);
    const tools = byId('tools');
    tools.hidden = false;
    byId('more').addEventListener('click', () => byId('more').setAttribute('aria-expanded', tools.classList.toggle('open')));
    new ResizeObserver(() => document.documentElement.style.setProperty('--tools', `${getComputedStyle(tools).position === 'sticky' ? tools.offsetHeight : 0}px`)).observe(tools);

    byId('sums').hidden = false;
    if (stacks.size === 1) {
        openStacks.add(items[0].stack);
    }

    refresh();
}

// One video in large, with everything that is known about it.

const large = byId('large');
let largeItem = null;
let largePlayer = null;

function openLarge(item) {
    stopAll();
    if (!large.open) {
        large.showModal();
        showCovered();
    }

    showLarge(item);
}

function showLarge(item) {
    largeItem = item;
    setCurrent(item);
    const place = shown.indexOf(item);
    byId('large-name').textContent = nameOf(item);
    byId('large-place').textContent = place >= 0 ? `${wholeNumber.format(place + 1)} of ${wholeNumber.format(shown.length)}` : '';
    byId('large-previous').disabled = place <= 0;
    byId('large-next').disabled = place < 0 || place === shown.length - 1;
    byId('large-compare').disabled = compareWith(item).length < 2;
    showStage(item);
    showDetails(item);
}

function showStage(item) {
    const stage = byId('large-stage');
    if (largePlayer) {
        dismantle(largePlayer);
        largePlayer = null;
    }

    stage.replaceChildren();
    if (!item.video) {
        stage.append(...item.image ? [make('img', { src: item.image, alt: `The image of ${item.name}` })] : [], make('p', { class: 'stage-word' }, item.stateText || 'No video'));
        return;
    }

    const video = makePlayer(item, { controls: true });
    if (item.image) {
        video.poster = item.image;
    }

    video.addEventListener('error', () => {
        if (largePlayer === video) {
            dismantle(video);
            largePlayer = null;
            showUnplayable(item);
            stage.append(make('p', { class: 'stage-word' }, 'The video was not found where it was when this page was made, or this browser cannot play it.'));
        }
    });
    largePlayer = video;
    stage.append(video);
    if (!prefersStillness.matches) {
        // With sound as long as the browser allows it.
        video.play().catch(error => {
            if (error.name === 'NotAllowedError') {
                video.muted = true;
                video.play().catch(() => {});
            }
        });
    }
}

function showDetails(item) {
    const now = Date.now();
    const details = byId('large-details');
    const command = commandOf(item, item.again);
    const ways = (item.settle ?? []).map(parts => commandOf(item, parts));
    const note = make('textarea', {
        id: 'large-note',
        rows: 2,
        maxLength: longestNote,
        value: choiceOf(item).note,
        oninput: event => change(item, { note: event.target.value }),
    });
    details.replaceChildren(
        makeControls(item),
        make('label', { class: 'note' }, make('span', {}, 'Note'), note),
        ...item.status === 'saved' ? [] : [
            make('section', { class: `trouble ${item.status}` },
                make('h3', {}, item.stateText || statuses[item.status] || item.status),
                ...item.reason ? [make('p', {}, item.reason)] : [],
                ...ways.map((way, index) => commandLine(index === 0 ? 'To settle it' : 'Or', way, 'command'))),
        ],
        ...item.prompt ? [make('section', {}, make('h3', {}, 'Prompt ', copyButton(() => item.prompt, 'prompt')), make('p', { class: 'whole-prompt' }, item.prompt))] : [],
        ...command ? [make('section', {}, commandLine('Another take', command, 'command'))] : [],
        make('section', {}, make('h3', {}, 'Details'), make('dl', { class: 'facts' }, ...factsOf(item, now).map(([label, ...values]) => make('div', {}, make('dt', {}, label), make('dd', {}, ...values))))),
    );
    details.scrollTop = 0;
}

function commandLine(heading, command, what) {
    return make('div', { class: 'command' }, make('h3', {}, `${heading} `, copyButton(() => command, what)), make('code', { tabIndex: 0 }, command));
}

/** What it has cost, in words. For one that was given up, nobody knows. */
function costOf(item) {
    if (item.credits > 0) {
        return `${creditNumber.format(item.credits)} credits (${dollarsOf(item.credits)})${item.setAside ? ', set aside until it ends' : ''}`;
    }

    return { failed: 'nothing', rejected: 'nothing', pending: 'nothing so far' }[item.status] ?? 'not known';
}

function factsOf(item, now) {
    const time = value => make('time', { dateTime: value }, timeFormat.format(Date.parse(value)));
    const life = (value, kind) => make('time', { class: kind, dateTime: value, title: timeFormat.format(Date.parse(value)) }, leftUntil(Date.parse(value), now));
    return [
        ['Model', modelOf(item)],
        ['State', item.state],
        ['Length', lengthOf(item)],
        ['Take', item.state ? String(item.take) : ''],
        ['Cost', costOf(item)],
        ...item.created === 0 ? [] : [[item.state ? 'Submitted' : 'Last written', time(gallery.items[item.index].created)]],
        ...item.completed ? [['Finished', time(item.completed)]] : [],
        ...item.linkUntil ? [['Link', life(item.linkUntil, 'link')]] : [],
        ...item.recordUntil ? [['Record', life(item.recordUntil, 'record')]] : [],
        ...item.facts ?? [],
    ].filter(([, value]) => value);
}

function stepLarge(steps) {
    const item = shown[shown.indexOf(largeItem) + steps];
    if (item) {
        showLarge(item);
        announce(`${nameOf(item)}, ${byId('large-place').textContent}`);
    }
}

function startLarge() {
    byId('large-previous').addEventListener('click', () => stepLarge(-1));
    byId('large-next').addEventListener('click', () => stepLarge(1));
    byId('large-compare').addEventListener('click', () => openCompare(compareWith(largeItem)));
    large.addEventListener('close', () => {
        showCovered();
        if (largePlayer) {
            dismantle(largePlayer);
            largePlayer = null;
        }

        byId('large-stage').replaceChildren();

        // The browser has given the focus back to the card from which the view was opened.
        if (!byId('compare').open) {
            goTo(shown.includes(largeItem) ? largeItem : current);
        }
    });
    choiceListeners.push(item => {
        if (large.open && largeItem && (!item || item === largeItem)) {
            showChoiceIn(byId('large-details').querySelector('.controls'), largeItem);
            const note = byId('large-note');
            if (note !== document.activeElement) {
                note.value = choiceOf(largeItem).note;
            }
        }
    });
}

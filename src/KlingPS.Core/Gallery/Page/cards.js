// One card: what the script adds to it once it comes near the screen, and how it shows what has been chosen.

const marked = new Set();
const mostCompared = 4;

const cardsInSight = new IntersectionObserver(entries => {
    for (const entry of entries) {
        if (entry.isIntersecting) {
            cardsInSight.unobserve(entry.target);
            dress(itemOfCard.get(entry.target));
        }
    }
}, { rootMargin: '50%' });

/** Adds the controls to a card, once. */
function dress(item) {
    if (item.isDressed) {
        return;
    }

    item.isDressed = true;
    cardsInSight.unobserve(item.card);
    const controls = makeControls(item);
    if (!item.video) {
        controls.querySelector('.mark').remove();
    }

    item.card.querySelectorAll('.settle').forEach((settle, index) => settle.append(copyButton(() => commandOf(item, item.settle?.[index]), 'command')));
    item.card.append(controls);

    // Images that were found missing before this script ran.
    const image = item.poster.querySelector('img');
    if (image?.complete && image.naturalWidth === 0) {
        showImageGone(item);
    }

    setTabStops(item, item === current);
    showChoice(item);
    showLives(item.card);
}

/** The buttons to choose with. The same ones stand in a card, in the large view and in a comparison. */
function makeControls(item) {
    const controls = byId('controls').content.firstElementChild.cloneNode(true);
    controls.setAttribute('role', 'group');
    controls.setAttribute('aria-label', `Choice for ${nameOf(item)}`);
    controls.querySelector('.stars').setAttribute('aria-label', 'Rating');
    for (const button of controls.querySelectorAll('button')) {
        button.setAttribute('aria-label', button.title.replace(/ \(.*/, ''));
    }

    controls.addEventListener('click', event => {
        const button = event.target.closest('button');
        if (button) {
            act(item, button.dataset.do);
        }
    });
    showChoiceIn(controls, item);
    return controls;
}

/** Does what a button or a key says. What is pressed already is taken back. */
function act(item, action) {
    const { choice, rating } = choiceOf(item);
    const name = nameOf(item);
    switch (action) {
        case 'pick':
            change(item, { choice: choice === 'Picked' ? null : 'Picked' });
            break;
        case 'reject':
            change(item, { choice: choice === 'Rejected' ? null : 'Rejected' });
            break;
        case 'mark':
            mark(item);
            return;
        default:
            change(item, { rating: Number(action) === rating ? 0 : Number(action) });
    }

    announce(`${name}: ${describeChoice(item)}`);
}

function describeChoice(item) {
    const { choice, rating } = choiceOf(item);
    const word = choice === 'Picked' ? 'picked' : choice === 'Rejected' ? 'rejected' : 'neither picked nor rejected';
    return rating > 0 ? `${word}, ${countOf(rating, 'star')}` : word;
}

function mark(item) {
    if (marked.has(item)) {
        marked.delete(item);
    } else if (!item.video) {
        tell('There is no video here to compare.');
        return;
    } else if (marked.size === mostCompared) {
        tell('Four videos are marked already, which is the most that can be compared at once.');
        return;
    } else {
        marked.add(item);
    }

    showChoice(item);
    showMarked();
    announce(`${nameOf(item)} ${marked.has(item) ? 'marked' : 'no longer marked'} for comparison, ${marked.size} in all`);
}

function showMarked() {
    const button = byId('compare-marked');
    button.hidden = marked.size === 0;
    button.textContent = marked.size === 1 ? '1 marked' : `Compare ${marked.size}`;
    button.disabled = marked.size < 2;
}

function showChoice(item) {
    const { choice, rating, note } = choiceOf(item);
    const { classList } = item.card;
    classList.toggle('picked', choice === 'Picked');
    classList.toggle('rejected', choice === 'Rejected');
    classList.toggle('rated', rating > 0);
    classList.toggle('noted', note !== '');
    classList.toggle('marked', marked.has(item));
    if (item.isDressed) {
        showChoiceIn(item.card.querySelector('.controls'), item);
    }
}

function showChoiceIn(controls, item) {
    const { choice, rating } = choiceOf(item);
    for (const button of controls.querySelectorAll('button')) {
        const action = button.dataset.do;
        const isOn = action === 'pick' ? choice === 'Picked' : action === 'reject' ? choice === 'Rejected' : action === 'mark' ? marked.has(item) : Number(action) === rating;
        button.setAttribute('aria-pressed', isOn);
        button.classList.toggle('lit', Number(action) <= rating);
    }
}

/** Only the current card's buttons are on the way of the Tab key; else it would take thousands of steps through the grid. */
function setTabStops(item, isCurrent) {
    item.poster.tabIndex = isCurrent ? 0 : -1;
    for (const button of item.card.querySelectorAll('button')) {
        button.tabIndex = isCurrent ? 0 : -1;
    }
}

function showImageGone(item) {
    item.poster.querySelector('img')?.replaceWith(make('span', { class: 'blank' }, 'Image not found'));
    item.image = null;
}

/** Puts what is left of links and records beside their times; the page itself knows only when they end. */
function showLives(root, now = Date.now()) {
    for (const time of root.querySelectorAll('time.link, time.record')) {
        const end = Date.parse(time.dateTime);
        if (!Number.isNaN(end)) {
            time.title = timeFormat.format(end);
            time.textContent = leftUntil(end, now);
            time.classList.toggle('ended', end <= now);
            time.classList.toggle('soon', end > now && end - now < 6 * 3600000);
        }
    }
}

function startCards() {
    for (const item of items) {
        item.poster.tabIndex = -1;
        if (!item.video) {
            item.poster.setAttribute('role', 'button');
        }

        item.poster.setAttribute('aria-label', labelOf(item));
        cardsInSight.observe(item.card);
        showChoice(item);
    }

    grid.addEventListener('error', event => {
        if (event.target instanceof HTMLImageElement) {
            showImageGone(itemOfCard.get(event.target.closest('.card')));
        }
    }, true);

    setInterval(() => showLives(document), 60000);
    choiceListeners.push(item => (item ? [item] : items).forEach(showChoice));
}

function labelOf(item) {
    return [nameOf(item), modelOf(item), countOf(item.seconds, 'second'), item.status === 'saved' ? '' : item.stateText].filter(Boolean).join(', ');
}

// One card: what the script adds to it once it comes near the screen, and how it shows what has been chosen.

const marked = new Set();
const mostCompared = 4;

/** Cards that have come near the screen and are waiting for their controls, a few of which are added per frame. */
const undressed = new Set();

/** Notes that a card has come near the screen, or has left it. */
function noteSight(item, isNear) {
    if (isNear && !item.isDressed) {
        if (undressed.size === 0) {
            requestAnimationFrame(dressSome);
        }

        undressed.add(item);
    } else {
        undressed.delete(item);
    }
}

/** Only if the browser does not report it by itself: observing thousands of cards takes time in each frame. */
const cardsInSight = 'ContentVisibilityAutoStateChangeEvent' in window ? null : new IntersectionObserver(
    entries => entries.forEach(entry => noteSight(itemOfCard.get(entry.target), entry.isIntersecting)),
    { rootMargin: '75%' });

function dressSome() {
    const start = performance.now();
    for (const item of undressed) {
        dress(item);
        if (performance.now() - start > 3) {
            break;
        }
    }

    if (undressed.size > 0) {
        requestAnimationFrame(dressSome);
    }
}

/** Adds the controls to a card, once. */
function dress(item) {
    if (item.isDressed) {
        return;
    }

    item.isDressed = true;
    undressed.delete(item);
    cardsInSight?.unobserve(item.card);
    const controls = makeControls(item);
    item.card.querySelectorAll('.settle').forEach((settle, index) => settle.append(copyButton(() => commandOf(item, item.settle?.[index]), 'command')));
    item.card.append(controls);

    // Images that were found missing before this script ran.
    const image = item.poster.querySelector('img');
    if (image?.complete && image.naturalWidth === 0) {
        showImageGone(item);
    }

    setTabStops(item, item === current);
    showChoice(item);
}

/** The buttons to choose with. The same ones are used in a card, in the large view and in a comparison. */
function makeControls(item) {
    const controls = byId('controls').content.firstElementChild.cloneNode(true);
    controls.setAttribute('aria-label', `Choice for ${nameOf(item)}`);
    controls.querySelector('.mark').disabled = !item.video;

    controls.addEventListener('click', event => {
        const button = event.target.closest('button');
        if (button) {
            act(item, button.dataset.do);
        }
    });
    showChoiceIn(controls, item);
    return controls;
}

/** Does what a button or a key says. Pressing it again undoes it. */
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
    byId('marks').hidden = marked.size === 0;
    byId('marks-count').textContent = marked.size === 1 ? '1 marked: mark another one' : `${marked.size} marked`;
    byId('compare-marked').disabled = marked.size < 2;
}

function unmarkAll() {
    const items = [...marked];
    marked.clear();
    items.forEach(showChoice);
    showMarked();
    current?.poster.focus();
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

/** Only the current card's buttons can be reached with the Tab key; otherwise it would take thousands of steps to get through the grid. */
function setTabStops(item, isCurrent) {
    item.poster.tabIndex = isCurrent ? 0 : -1;
    for (const button of item.card.querySelectorAll('button')) {
        button.tabIndex = isCurrent ? 0 : -1;
    }
}

function showImageGone(item) {
    item.poster.querySelector('img')?.replaceWith(make('span', { class: 'blank' }, 'Image not found'));
    item.poster.setAttribute('aria-label', labelOf(item));
    item.image = null;
}

/** Shows how long links and records still last beside their times; the page itself knows only when they end. */
function showLives(root, now = Date.now()) {
    for (const time of root.querySelectorAll('time.link, time.record')) {
        const end = Date.parse(time.dateTime);
        if (!Number.isNaN(end)) {
            time.parentElement.matches('.life') && time.previousSibling?.replaceWith(time.matches('.link') ? 'Link: ' : ', record: ');
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
        cardsInSight?.observe(item.card);
        showChoice(item);
    }

    grid.addEventListener('contentvisibilityautostatechange', event => noteSight(itemOfCard.get(event.target), !event.skipped), true);
    grid.addEventListener('error', event => {
        if (event.target instanceof HTMLImageElement) {
            showImageGone(itemOfCard.get(event.target.closest('.card')));
        }
    }, true);

    byId('unmark').addEventListener('click', unmarkAll);
    setInterval(() => showLives(document), 60000);
    choiceListeners.push(item => (item ? [item] : items).forEach(showChoice));
}

function labelOf(item) {
    return [nameOf(item), modelOf(item), lengthOf(item), item.status === 'saved' ? '' : item.stateText, item.poster.textContent.trim()].filter(Boolean).join(', ');
}

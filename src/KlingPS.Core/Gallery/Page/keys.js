// The keys, like those of programs for culling pictures, and the start of the page.

/** The letter of a key, even on a keyboard for another script, where its position counts. */
function keyOf(event) {
    const key = event.key.length === 1 ? event.key.toLowerCase() : event.key;
    if (/^[\x20-\x7e]$/.test(key) || event.key.length > 1) {
        // Digits that need Shift, as on French keyboards.
        return /^[^0-9a-z]$/.test(key) && /^Digit[0-5]$/.test(event.code) && !event.shiftKey ? event.code.slice(5) : key;
    }

    return /^Key[A-Z]$/.test(event.code) ? event.code.slice(3).toLowerCase() : key;
}

function isTyping(target) {
    return target instanceof HTMLTextAreaElement || target instanceof HTMLSelectElement || (target instanceof HTMLInputElement && target.type !== 'range' && target.type !== 'file');
}

/** What a key does to a video, wherever it is shown. Returns whether it did something. */
function chooseByKey(item, key) {
    if (!item) {
        return false;
    }

    const changes = { p: { choice: 'Picked' }, x: { choice: 'Rejected' }, u: { choice: null } }[key] ?? (/^[0-5]$/.test(key) ? { rating: Number(key) } : null);
    if (!changes) {
        return false;
    }

    change(item, changes);
    announce(`${nameOf(item)}: ${describeChoice(item)}`);
    return true;
}

function gridKey(key, event) {
    const steps = { ArrowLeft: () => -1, ArrowRight: () => 1, ArrowUp: () => -columns(), ArrowDown: columns }[key];
    if (steps) {
        move(steps());
        return true;
    }

    if (key === 'Home' || key === 'End') {
        goTo(key === 'Home' ? shown[0] : shown.at(-1));
        return true;
    }

    if (key === '/') {
        byId('find').focus();
        return true;
    }

    if (key === 's') {
        if (event.shiftKey) {
            toggleAllStacks();
        } else if (current && current.card.matches('.stack, .open-stack')) {
            toggleStack(current);
        }

        return true;
    }

    if (!current) {
        return false;
    }

    switch (key) {
        case ' ':
            toggle(current);
            return true;
        case 'Enter':
            if (document.activeElement !== current.poster && document.activeElement !== document.body) {
                return false;
            }

            openLarge(current);
            return true;
        case 'm':
            mark(current);
            return true;
        case 'c':
            openCompare(compareWith(current));
            return true;
        case 'n':
            openLarge(current);
            byId('large-note').focus();
            return true;
        default:
            return chooseByKey(current, key);
    }
}

function largeKey(key) {
    switch (key) {
        case 'ArrowLeft':
        case 'ArrowRight':
            stepLarge(key === 'ArrowLeft' ? -1 : 1);
            return true;
        case ' ':
            if (largePlayer?.paused) {
                largePlayer.play().catch(() => {});
            } else {
                largePlayer?.pause();
            }

            return true;
        case 'c':
            openCompare(compareWith(largeItem));
            return true;
        case 'm':
            mark(largeItem);
            return true;
        case 'n':
            byId('large-note').focus();
            return true;
        default:
            return chooseByKey(largeItem, key);
    }
}

function compareKey(key) {
    const action = {
        ' ': () => setPlaying(!clock.isPlaying),
        ',': () => stepFrame(-1),
        '.': () => stepFrame(1),
        ArrowLeft: () => goToSide(side - 1),
        ArrowRight: () => goToSide(side + 1),
        s: swap,
        o: toggleOverlay,
        l: toggleLoop,
    }[key];
    if (action) {
        action();
        return true;
    }

    return chooseByKey(sides[side]?.item, key);
}

function startKeys() {
    document.addEventListener('keydown', event => {
        if (event.defaultPrevented || event.isComposing || event.altKey) {
            return;
        }

        const key = keyOf(event);
        if (event.ctrlKey || event.metaKey) {
            if (key === 'z' && !event.shiftKey && !isTyping(event.target)) {
                event.preventDefault();
                goTo(undo());
            }

            return;
        }

        if (isTyping(event.target)) {
            // Back from the search to the videos.
            if (event.target === byId('find') && (key === 'Enter' || key === 'ArrowDown')) {
                event.preventDefault();
                goTo(current);
            }

            return;
        }

        // These keys press a button, those move a slider, and the browser's own player has keys of its own.
        const { target } = event;
        if ((target instanceof HTMLButtonElement && (key === ' ' || key === 'Enter')) || (target.type === 'range' && /^(Arrow|Home|End|Page)/.test(key)) || (target instanceof HTMLVideoElement && key !== ' ' && key.length > 1)) {
            return;
        }

        const isDone = key === '?' ? showHelp()
            : byId('help').open ? false
            : compare.open ? compareKey(key)
            : large.open ? largeKey(key)
            : gridKey(key, event);
        if (isDone) {
            event.preventDefault();
        }
    });

    byId('show-help').addEventListener('click', showHelp);
    for (const dialog of document.querySelectorAll('dialog')) {
        dialog.querySelector('.close').addEventListener('click', () => dialog.close());
    }
}

function showHelp() {
    if (!byId('help').open) {
        byId('help').showModal();
    }

    return true;
}

document.documentElement.classList.add('scripted');
startChoices();
startCards();
startGrid();
startLarge();
startCompare();
startKeys();
showLives(document);
addEventListener('beforeprint', () => {
    // On paper, choices are shown even on cards that have never been in view, but no videos are.
    stopAll();
    shown.forEach(dress);
    document.querySelectorAll('img[loading]').forEach(image => image.loading = 'eager');
});

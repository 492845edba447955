// Videos that play in the grid. A browser can only handle a few players, so there are never more than these, and none out of sight.

const mostPlayers = 4;
const prefersStillness = matchMedia('(prefers-reduced-motion: reduce)');

/** The players in the grid by item, the one used last at the end. */
const players = new Map();

const playersInSight = new IntersectionObserver(entries => {
    for (const entry of entries) {
        if (!entry.isIntersecting) {
            stop(itemOfCard.get(entry.target.closest('.card')));
        }
    }
});

/** Makes a player that has nothing to play yet. */
function makePlayer(item, properties = {}) {
    const video = make('video', { playsInline: true, loop: true, preload: 'auto', ...properties });
    video.setAttribute('aria-label', nameOf(item));
    video.src = item.video;
    return video;
}

/** Shuts a player down. Without its source it uses neither memory nor a connection. */
function dismantle(video) {
    video.pause();
    video.removeAttribute('src');
    video.load();
    video.remove();
}

function start(item, isAsked = false) {
    if (!item.video || document.querySelector('dialog[open]')) {
        return;
    }

    let player = players.get(item);
    players.delete(item);
    for (const other of players.keys()) {
        if (players.size >= mostPlayers || !players.get(other).isAsked) {
            stop(other);
        }
    }

    if (!player) {
        const video = makePlayer(item, { muted: true, tabIndex: -1 });
        video.addEventListener('playing', () => item.card.classList.add('plays'));
        video.addEventListener('error', () => {
            if (players.get(item)?.video === video) {
                stop(item);
                showUnplayable(item);
            }
        });
        player = { video, isAsked };
        item.poster.append(video);
        playersInSight.observe(item.poster);
    }

    player.isAsked ||= isAsked;
    players.set(item, player);
    player.video.play().catch(() => {});
}

function stop(item) {
    const player = players.get(item);
    if (player) {
        players.delete(item);
        playersInSight.unobserve(item.poster);
        dismantle(player.video);
        item.card.classList.remove('plays');
    }
}

function stopAll() {
    clearTimeout(previewTimer);
    for (const item of [...players.keys()]) {
        stop(item);
    }
}

/** Plays or pauses the video of a card because the user asked for that one. */
function toggle(item) {
    const player = players.get(item);
    if (player && !player.video.paused && player.isAsked) {
        stop(item);
    } else {
        start(item, true);
    }
}

let previewTimer = 0;

/** Plays a card's video while the pointer or the focus rests on it. */
function preview(item) {
    clearTimeout(previewTimer);
    if (!prefersStillness.matches && !players.has(item)) {
        previewTimer = setTimeout(() => start(item), 150);
    }
}

function endPreview(item) {
    clearTimeout(previewTimer);
    if (!players.get(item)?.isAsked) {
        stop(item);
    }
}

function showUnplayable(item) {
    if (item.isUnplayable) {
        return;
    }

    item.isUnplayable = true;
    item.card.classList.add('unplayable');
    let state = item.card.querySelector('.state');
    if (!state) {
        state = make('p', { class: 'state' });
        item.card.querySelector('.about').after(state);
    }

    state.textContent = 'Video not found, or not one that this browser plays';
}

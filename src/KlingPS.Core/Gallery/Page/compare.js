// Two to four videos side by side, on one clock.

const compare = byId('compare');

/** In the order of the panes: item, pane, video. */
let sides = [];
let side = 0;

/**
 * The clock. It alone determines the time in all videos; each of them is adjusted to it. While one of them has nothing to show yet, the clock
 * stops, so that none gets ahead of the others.
 */
const clock = { time: 0, isPlaying: false, isRunning: false, speed: 1, loops: true, since: 0, frame: 1 / 24 };
let nextTick = 0;

/** How far a video may be from the clock, in seconds: below the first it is left alone, up to the second it plays a bit faster or slower, beyond that it jumps. */
const closeEnough = 0.008;
const farOff = 0.2;

/** The same while the clock is stopped, and how often a video is then adjusted to it. */
const closeEnoughWhenStopped = 0.001;
const mostCorrections = 20;

/** Facts that are not part of the request. */
const notAsked = new Set(['Image', 'Image SHA-256', 'Video', 'Video SHA-256', 'Task at the service']);

/** What to compare with an item: the marked ones; else those in its stack; else the next video. */
function compareWith(item) {
    const chosen = [...marked].filter(other => other.video);
    if (chosen.length > 1) {
        return chosen;
    }

    if (!item?.video) {
        return [];
    }

    // A marked one and the current one, if they differ, are two.
    if (chosen.length === 1 && chosen[0] !== item) {
        return [chosen[0], item];
    }

    const passingSet = new Set(passing);
    const others = stacks.get(item.stack).filter(other => other !== item && other.video && passingSet.has(other));
    if (others.length > 0) {
        return [item, ...others].slice(0, mostCompared).sort((a, b) => a.index - b.index);
    }

    const next = shown.slice(shown.indexOf(item) + 1).find(other => other.video) ?? shown.slice(0, Math.max(0, shown.indexOf(item))).findLast(other => other.video);
    return next ? [item, next] : [];
}

function openCompare(chosen) {
    if (chosen.length < 2) {
        tell('There is nothing to compare it with. Mark two to four videos with M.');
        return;
    }

    stopAll();
    if (large.open) {
        large.close();
    }

    closeSides();
    byId('panes').replaceChildren();
    const differences = differencesOf(chosen);
    sides = chosen.map((item, index) => makeSide(item, differences[index]));
    byId('panes').dataset.count = sides.length;
    byId('panes').append(...sides.map(one => one.pane));
    compare.showModal();
    showCovered();
    sides[0].pane.focus();
    clock.time = 0;
    clock.isPlaying = !prefersStillness.matches;
    clock.isRunning = false;
    clock.frame = 1 / 24;
    chooseSide(0);
    showPlaying();
    seekAll(0);
    nextTick = requestAnimationFrame(tick);
}

/** What distinguishes videos apart from their name, take, model and length: those parts of the request in which they differ. */
function differencesOf(chosen) {
    const asked = chosen.map(item => new Map([...(item.facts ?? []).filter(([label]) => !notAsked.has(label)), ['Prompt', item.prompt]]));
    const differing = [...new Set(asked.flatMap(facts => [...facts.keys()]))].filter(label => new Set(asked.map(facts => facts.get(label) ?? '')).size > 1);

    // The longest comes last.
    const labels = differing.sort((a, b) => (a === 'Prompt') - (b === 'Prompt'));
    const texts = asked.map(facts => labels.map(label => `${label}: ${facts.get(label) || 'not set'}`));

    // The same video was bought twice.
    for (const more of [item => item.created ? `Submitted: ${timeFormat.format(item.created)}` : '', item => item.taskId ? `Task: ${item.taskId}` : '']) {
        const captions = chosen.map((item, index) => [nameOf(item), item.model, item.seconds, ...texts[index]].join('\n'));
        chosen.forEach((item, index) => {
            if (captions.filter(caption => caption === captions[index]).length > 1 && more(item)) {
                texts[index].push(more(item));
            }
        });
    }

    return texts.map(text => text.join(' · '));
}

function makeSide(item, difference) {
    const video = makePlayer(item, { muted: true, loop: false, tabIndex: -1 });
    const pane = make('section', { class: 'pane', tabIndex: 0, 'aria-label': [nameOf(item), difference].filter(Boolean).join(', ') },
        make('div', { class: 'stage' }, video),
        make('div', { class: 'caption' },
            make('div', { class: 'caption-text' },
                make('b', {}, nameOf(item)),
                make('span', {}, [modelOf(item), lengthOf(item), item.credits > 0 ? `${creditNumber.format(item.credits)} credits` : ''].filter(Boolean).join(' · ')),
                ...difference ? [make('span', { class: 'difference', title: difference }, difference)] : []),
            makeControls(item)));
    pane.querySelector('.mark').remove();
    const made = { item, video, pane, isBroken: false, corrections: 0 };
    pane.addEventListener('focusin', () => chooseSide(sides.indexOf(made)));
    pane.addEventListener('click', () => chooseSide(sides.indexOf(made)));
    video.addEventListener('error', () => {
        if (video.hasAttribute('src')) {
            made.isBroken = true;
            pane.querySelector('.stage').append(make('p', { class: 'stage-word' }, 'Video not found, or not one that this browser plays'));
        }
    });
    measureFrames(video);
    return made;
}

/** Learns how long a frame is from two consecutive ones. */
function measureFrames(video) {
    let last = -1;
    const see = (_, { mediaTime }) => {
        const length = mediaTime - last;
        if (last >= 0 && length > 0.008 && length < clock.frame * 0.95) {
            clock.frame = length;
        }

        last = mediaTime;
        if (video.isConnected) {
            video.requestVideoFrameCallback(see);
        }
    };
    video.requestVideoFrameCallback?.(see);
}

/** How long the comparison is: as long as its longest video. Shorter ones hold their last frame. */
function length() {
    return Math.max(0, ...sides.map(({ video }) => Number.isFinite(video.duration) ? video.duration : 0));
}

function isReady({ video, isBroken }) {
    return isBroken || (!video.seeking && video.readyState >= HTMLMediaElement.HAVE_CURRENT_DATA && (video.readyState >= HTMLMediaElement.HAVE_FUTURE_DATA || isOver(video)));
}

function isOver(video) {
    return video.ended || clock.time >= video.duration - clock.frame / 2;
}

/** The position that a video should have: that of the clock, or the middle of its last frame. */
function placeOf(video) {
    return Math.min(clock.time, Math.max(0, (video.duration || 0) - clock.frame / 2));
}

/** The middle of the frame shown at a time, or of one before or after it. From there, rounding never shows a different one. */
function middleOfFrame(time, frames = 0) {
    return (Math.floor(time / clock.frame + 1e-6) + frames + 0.5) * clock.frame;
}

function seekAll(time) {
    clock.time = Math.min(Math.max(0, time), length() || 0);
    for (const one of sides) {
        one.corrections = 0;
        if (!one.isBroken) {
            one.video.currentTime = placeOf(one.video);
        }
    }

    clock.isRunning = false;
    showClock();
}

function tick(now) {
    nextTick = requestAnimationFrame(tick);
    const wasRunning = clock.isRunning;
    clock.isRunning = clock.isPlaying && sides.every(isReady) && length() > 0;
    if (wasRunning && clock.isRunning) {
        clock.time += (now - clock.since) / 1000 * clock.speed;
    }

    clock.since = now;
    if (clock.isRunning && clock.time >= length()) {
        if (clock.loops) {
            seekAll(0);
        } else {
            clock.time = length();
            setPlaying(false);
        }
    }

    sides.forEach(follow);
    showClock();
}

/** Adjusts one video to the clock. */
function follow(one) {
    const { video, isBroken } = one;
    if (isBroken || video.seeking) {
        return;
    }

    if (!clock.isRunning || isOver(video)) {
        video.pause();

        // On a busy machine, if Chromium seeks right after a pause, it ends up where the video had continued to.
        if (!clock.isPlaying && Math.abs(video.currentTime - placeOf(video)) > closeEnoughWhenStopped && one.corrections < mostCorrections) {
            one.corrections++;
            video.currentTime = placeOf(video);
        }

        return;
    }

    if (video.paused) {
        video.play().catch(() => {});
    }

    const ahead = video.currentTime - clock.time;
    if (Math.abs(ahead) > farOff) {
        video.currentTime = clock.time;
    } else {
        const wanted = Math.abs(ahead) < closeEnough ? clock.speed : clock.speed * (1 - Math.max(-0.25, Math.min(0.25, ahead * 4)));
        if (Math.abs(video.playbackRate - wanted) > 0.005) {
            video.playbackRate = wanted;
        }
    }
}

function setPlaying(isPlaying) {
    clock.isPlaying = isPlaying;
    if (isPlaying && clock.time >= length() - clock.frame / 2) {
        seekAll(0);
    } else if (!isPlaying) {
        clock.isRunning = false;
        sides.forEach(({ video }) => video.pause());

        seekAll(middleOfFrame(clock.time));
    }

    showPlaying();
}

function stepFrame(frames) {
    if (clock.isPlaying) {
        setPlaying(false);
    }

    seekAll(middleOfFrame(clock.time, frames));
}

function showPlaying() {
    const button = byId('compare-play');
    button.replaceChildren(icon(clock.isPlaying ? 'pause' : 'play'));
    button.setAttribute('aria-label', clock.isPlaying ? 'Pause' : 'Play');
}

function showClock() {
    const whole = length();
    const bar = byId('compare-time');
    if (Number(bar.max) !== whole) {
        bar.max = whole || 1;
    }

    bar.value = clock.time;
    const text = `${clock.time.toFixed(2)} / ${whole.toFixed(2)} s`;
    if (byId('compare-clock').textContent !== text) {
        byId('compare-clock').textContent = text;
        bar.setAttribute('aria-valuetext', `${clock.time.toFixed(1)} seconds of ${whole.toFixed(1)}`);
    }
}

function chooseSide(index) {
    side = (index + sides.length) % sides.length;
    sides.forEach(({ pane }, place) => pane.classList.toggle('chosen', place === side));
}

function goToSide(index) {
    chooseSide(index);
    sides[side].pane.focus();
}

/** Side by side, the videos swap places; on top of each other, the next one comes to the front. */
function swap() {
    if (isOverlaid()) {
        chooseSide(side + 1);
    } else {
        const { item } = sides[side];
        sides.push(sides.shift());
        sides.forEach(({ pane }, place) => pane.style.order = place);
        chooseSide(sides.findIndex(one => one.item === item));
    }

    announce(isOverlaid() ? `${nameOf(sides[side].item)} is on top` : `From left to right: ${sides.map(({ item }) => nameOf(item)).join('; ')}`);
}

function isOverlaid() {
    return byId('compare-over').getAttribute('aria-pressed') === 'true';
}

function toggleOverlay() {
    const isOn = !isOverlaid();
    byId('compare-over').setAttribute('aria-pressed', isOn);
    byId('panes').classList.toggle('overlaid', isOn);
}

function toggleLoop() {
    clock.loops = !clock.loops;
    byId('compare-loop').setAttribute('aria-pressed', clock.loops);
}

function closeSides() {
    cancelAnimationFrame(nextTick);
    sides.forEach(({ video }) => dismantle(video));
    sides = [];
}

function startCompare() {
    byId('compare-marked').addEventListener('click', () => openCompare(compareWith(current)));
    byId('compare-play').addEventListener('click', () => setPlaying(!clock.isPlaying));
    byId('compare-back').addEventListener('click', () => stepFrame(-1));
    byId('compare-on').addEventListener('click', () => stepFrame(1));
    byId('compare-loop').addEventListener('click', toggleLoop);
    byId('compare-over').addEventListener('click', toggleOverlay);
    byId('compare-swap').addEventListener('click', swap);
    byId('compare-speed').addEventListener('change', event => clock.speed = Number(event.target.value));
    byId('compare-time').addEventListener('input', event => {
        const time = Number(event.target.value);
        if (clock.isPlaying) {
            setPlaying(false);
        }

        seekAll(time);
    });
    compare.addEventListener('close', () => {
        showCovered();
        const item = sides[side]?.item;
        closeSides();
        byId('panes').replaceChildren();
        if (item && shown.includes(item)) {
            goTo(item);
        } else {
            current?.poster.focus();
        }
    });
    choiceListeners.push(item => {
        for (const one of sides) {
            if (!item || item === one.item) {
                showChoiceIn(one.pane.querySelector('.controls'), one.item);
            }
        }
    });
}

/* A test under way, with script: rows come as server-sent events, a report as a part of the page asked for again. Without
 * script the page is whole as well; what only script can do (copying) appears only here. */
'use strict';

const live = document.getElementById('live');

function addCopyButtons(root) {
    if (!navigator.clipboard) return;
    for (const button of root.querySelectorAll('button[data-copy]')) {
        const what = document.getElementById(button.dataset.copy);
        const label = button.textContent;
        button.hidden = false;
        button.addEventListener('click', async () => {
            await navigator.clipboard.writeText(what.href || what.textContent);
            button.textContent = button.dataset.done;
            setTimeout(() => { button.textContent = label; }, 3000);
        });
    }
}

/* How long the address still takes mail. */
function countDown() {
    const left = document.getElementById('left');
    if (!left) return;
    const minutes = Math.max(0, Math.ceil((Date.parse(left.dataset.until) - Date.now()) / 60000));
    left.textContent = left.dataset.text.replace('{minutes}', minutes);
    left.hidden = false;
}

async function showReport(message) {
    const answer = await fetch(location.pathname);
    if (!answer.ok) return;
    const page = new DOMParser().parseFromString(await answer.text(), 'text/html');
    const fresh = page.getElementById('reports');
    if (!fresh) return;
    document.getElementById('reports').replaceWith(fresh);
    addCopyButtons(fresh);
    live.dataset.shown = message + 1;
    document.getElementById('rows').replaceChildren();
    const waiting = page.getElementById('attente');
    if (waiting) document.getElementById('attente').textContent = waiting.textContent;
    document.getElementById('told').textContent = live.dataset.told;
}

function watch() {
    const events = new EventSource(live.dataset.events);
    events.addEventListener('row', (event) => {
        const list = new DOMParser().parseFromString(event.data, 'text/html').body.firstElementChild;
        if (Number(list.dataset.message) >= Number(live.dataset.shown)) document.getElementById('rows').append(...list.children);
    });
    events.addEventListener('report', (event) => {
        if (Number(event.data) >= Number(live.dataset.shown)) showReport(Number(event.data));
    });
    events.addEventListener('error', () => {
        if (events.readyState === EventSource.CLOSED) setTimeout(watch, 2000);
    });
    events.addEventListener('end', () => {
        events.close();
        live.dataset.ended = '';
    });
}

addCopyButtons(document);
countDown();
setInterval(countDown, 15000);
if (live) watch();

// What the page does when scripts run; without them it works too. It makes no HTML from text, so it needs no Trusted Types policy.

// While a key or a row is changing the page says after how many milliseconds it wants to be fetched again.
const { refresh } = document.body.dataset
if (refresh !== undefined) {
  setInterval(() => {
    // Not under the fingers of somebody who types, and not where nobody looks.
    if (!document.hidden && !document.activeElement?.matches('input')) location.reload()
  }, Number(refresh))
}

// What cannot be taken back is asked for once more.
for (const form of document.forms) {
  const { confirm: question } = form.dataset
  form.addEventListener('submit', (event) => {
    if (question !== undefined && !confirm(question)) event.preventDefault()
  })
}

// How far the limits are, while somebody looks.
const limits = document.querySelector('[data-limits]')
function showLimit({ name, limit, remaining, resetMs, source }) {
  const item = limits.querySelector(`[data-rule="${name}"]`)
  if (item === null) return
  const isGone = source === 'local' || source === 'failure'
  const used = isGone ? 0 : limit - remaining
  item.querySelector('rect').setAttribute('width', String((used / limit) * 100))
  item.querySelector('svg').setAttribute('aria-label', `${used} of ${limit}`)
  item.querySelector('[data-used]').textContent = isGone ? 'Redis is gone' : `${used.toLocaleString('en')} used`
  const free = resetMs === 0 ? 'all free' : `the next is free in ${Math.ceil(resetMs / 1000)} s`
  const passing = remaining === 0 ? 'nothing passes' : `${remaining.toLocaleString('en')} more pass`
  item.querySelector('[data-next]').textContent = isGone ? passing : free
}
async function lookAtLimits() {
  if (document.hidden) return
  const answer = await fetch(limits.dataset.limits)
  // Whoever is refused waits, as everybody should.
  if (!answer.ok) return
  const { refused, rules } = await answer.json()
  limits.querySelector('[data-refused]').textContent = refused.toLocaleString('en')
  for (const rule of rules) showLimit(rule)
}
if (limits !== null) {
  setInterval(() => {
    lookAtLimits().catch(() => undefined)
  }, 5000)
}

// Times in words. The exact one stays in the tooltip.
const units = [
  ['day', 86_400],
  ['hour', 3600],
  ['minute', 60],
  ['second', 1],
]
const words = new Intl.RelativeTimeFormat('en', { numeric: 'auto' })
function tellTimes() {
  for (const time of document.querySelectorAll('time')) {
    time.title ||= time.textContent
    const ago = Math.max(0, Date.now() - Date.parse(time.dateTime)) / 1000
    const [unit, seconds] = units.find(([, seconds]) => ago >= seconds) ?? ['second', 1]
    time.textContent = words.format(-Math.floor(ago / seconds), unit)
  }
}
tellTimes()
setInterval(tellTimes, 10_000)

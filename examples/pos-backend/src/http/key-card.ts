import { html } from 'hono/html'
import type { KeyUse, Purpose } from '../domain/keys.ts'
import type { ReencryptionStatus, TableProgress } from '../domain/reencryption.ts'
import type { HomeView } from './home-page.ts'
import { type Html, moment } from './page-frame.ts'

const titles: Readonly<Record<Purpose, string>> = {
  data: 'Rows under each data key',
  index: 'Rows under each index key',
}

/** The keys: a bar of the rows under each version, the states, and the buttons. */
export function keyCard(view: HomeView): Html {
  const running = view.reencryption.state === 'running'
  return html`<section class="card">
<div class="head">
  <h2>${titles.data}</h2>
  <div class="actions">
    ${action(view, '/admin/rotate', 'Rotate the data key', { disabled: isPending(view, 'data') })}
    ${action(view, '/admin/rotate', 'Rotate the index key', { fields: { purpose: 'index' }, disabled: isPending(view, 'index') })}
    ${action(view, '/admin/reencrypt', 'Re-encrypt the rows', { main: true, disabled: running })}
  </div>
</div>
${bar(ofPurpose(view.keys, 'data'))} ${legend(view, 'data')}
${view.keys.some((key) => key.purpose === 'index' && key.version > 1) ? indexKeys(view) : ''}
${progress(view.reencryption)}
</section>`
}

function indexKeys(view: HomeView): Html {
  return html`<div class="progress"><h2>${titles.index}</h2>${bar(ofPurpose(view.keys, 'index'))}</div>${legend(view, 'index')}`
}

function isPending({ keys }: HomeView, purpose: Purpose): boolean {
  return keys.some((key) => key.purpose === purpose && key.state === 'pending')
}

function ofPurpose(keys: readonly KeyUse[], purpose: Purpose): readonly KeyUse[] {
  return keys.filter((key) => key.purpose === purpose)
}

function bar(keys: readonly KeyUse[]): Html {
  const total = keys.reduce((sum, { rows }) => sum + rows, 0)
  let x = 0
  const parts = keys.map((key) => {
    const width = total === 0 ? 0 : (key.rows / total) * 100
    const part = html`<rect class="${colour(key)}" x="${x}" y="0" width="${width}" height="1"><title>${label(key)}</title></rect>`
    x += width
    return part
  })
  const summary = keys.map(label).join(', ')
  return html`<svg class="bar" viewBox="0 0 100 1" preserveAspectRatio="none" role="img" aria-label="${summary}">${parts}</svg>`
}

function legend(view: HomeView, purpose: Purpose): Html {
  return html`<ul class="legend">${ofPurpose(view.keys, purpose).map((key) => legendItem(view, key))}</ul>`
}

function legendItem(view: HomeView, key: KeyUse): Html {
  const { purpose, version, state, rows } = key
  const destroyable = state === 'decrypt-only' && rows === 0
  const fields = { purpose, version: String(version) }
  const confirm = `Destroy ${purpose} key ${version}? Old copies of the database that need it will never open again.`
  return html`<li>
<div class="row"><span><span class="dot ${state === 'destroyed' ? 'gone' : colour(key)}"></span>Key ${version}</span><span class="chip ${state}">${state}</span></div>
<div class="row"><strong>${rows.toLocaleString('en')} rows</strong>${destroyable ? action(view, '/admin/destroy', 'Destroy', { fields, plain: true, confirm }) : ''}</div>
<p class="quiet small">${since(key, view.now)}</p>
</li>`
}

function since({ state, activeAt, createdAt, decryptOnlyAt, destroyedAt }: KeyUse, now: number): Html {
  if (state === 'pending')
    return html`seals in ${Math.max(1, Math.ceil((activeAt - now) / 1000))} s, when every instance has it`
  if (state === 'destroyed') return html`destroyed ${moment(destroyedAt ?? now)}`
  if (state === 'active') return html`made ${moment(createdAt)}`
  return html`opens only, since ${moment(decryptOnlyAt ?? now)}`
}

function label({ version, rows }: KeyUse): string {
  return `key ${version}: ${rows} rows`
}

function colour({ version }: KeyUse): string {
  return `c${(version - 1) % 6}`
}

interface ActionLook {
  readonly fields?: Readonly<Record<string, string>>
  readonly main?: boolean
  readonly plain?: boolean
  readonly disabled?: boolean
  /** What a script asks before the form is sent. */
  readonly confirm?: string
}

function action({ token }: HomeView, path: string, text: string, look: ActionLook = {}): Html {
  const { fields = {}, main = false, plain = false, disabled = false, confirm } = look
  const hidden = Object.entries({ token, ...fields })
  return html`<form method="post" action="${path}"${confirm === undefined ? '' : html` data-confirm="${confirm}"`}>
${hidden.map(([name, value]) => html`<input type="hidden" name="${name}" value="${value}">`)}
<button class="${main ? 'main' : plain ? 'plain' : ''}" ${disabled ? 'disabled' : ''}>${text}</button>
</form>`
}

function progress({ state, resumed, tables }: ReencryptionStatus): Html | '' {
  if (state === 'idle') return ''
  const parts = Object.values(tables)
  const add = (count: (part: TableProgress) => number) => parts.reduce((sum, part) => sum + count(part), 0)
  const rows = add((part) => part.rows)
  const done = state === 'done' ? rows : add(({ scanned, rows }) => Math.min(scanned, rows))
  const percent = rows === 0 ? (state === 'done' ? 100 : 0) : (done / rows) * 100
  const counts = `${add((part) => part.rewritten).toLocaleString('en')} rows rewritten, ${add((part) => part.unreadable)} unreadable`
  return html`<div class="progress">
<p>Re-encryption: ${state}${resumed ? ', continued from where it was interrupted' : ''} <span class="quiet">· ${counts}</span></p>
<svg class="bar thin" viewBox="0 0 100 1" preserveAspectRatio="none" role="img" aria-label="${Math.round(percent)} percent"><rect class="c1" width="${percent}" height="1"></rect></svg>
</div>`
}

import { extendPolicy, type HeaderPolicy, presets } from '@mosaajii/headers'
import type { Page } from 'playwright-core'
import { describe, expect, it } from 'vitest'
import { chromiumPath } from '../../../../test/services.ts'
import { marksOf, violationsOf } from './chromium.ts'
import { frameworkNames } from './frameworks.ts'
import { html, openLab, patience, type Site } from './lab.ts'

const chromium = chromiumPath()

/** Where a string becomes code. */
const sinks = {
  innerHTML: `p.innerHTML = '<b>b</b>'`,
  outerHTML: `p.firstChild.outerHTML = '<b>b</b>'`,
  insertAdjacentHTML: `p.insertAdjacentHTML('beforeend', '<b>b</b>')`,
  'document.write': `document.write('<b>b</b>')`,
  'a script’s src': `document.createElement('script').src = '/none.js'`,
  'a script’s text': `document.createElement('script').text = '1'`,
  'a frame’s srcdoc': `document.createElement('iframe').srcdoc = '<b>b</b>'`,
  DOMParser: `new DOMParser().parseFromString('<b>b</b>', 'text/html')`,
}

const lab = openLab(chromium)

describe.skipIf(!chromium).each(frameworkNames)('Trusted Types on %s, in Chromium', (framework) => {
  const opened = async (policy: HeaderPolicy): Promise<{ page: Page; site: Site }> => {
    const site = await lab.site(framework, {
      policy: extendPolicy(policy, { reports: '/csp-reports' }),
      routes: { '/': (nonce) => html(`<p><i>i</i></p><script nonce="${nonce}">${attempts}</script>`) },
    })
    return { page: await lab.visit(site.origin), site }
  }

  it('throw for every sink in strict', async () => {
    const { page } = await opened(presets.strict)
    expect(await marksOf(page)).toEqual([
      ...Object.keys(sinks).map((sink) => `${sink}: TypeError`),
      'text: passed',
      'end',
    ])
    expect(new Set(await violationsOf(page))).toEqual(new Set(['require-trusted-types-for trusted-types-sink enforce']))
  })

  it('only report with trustedTypes: report, and only then', async () => {
    const { page, site } = await opened(extendPolicy(presets.strict, { trustedTypes: 'report' }))
    expect(await marksOf(page)).toEqual([...Object.keys(sinks).map((sink) => `${sink}: passed`), 'text: passed', 'end'])
    await expect
      .poll(() => site.reports, patience)
      .toContainEqual(
        expect.objectContaining({
          name: 'csp.violation',
          directive: 'require-trusted-types-for',
          blocked: 'trusted-types-sink',
          disposition: 'report',
          page: `${site.origin}/`,
        }),
      )
    expect(new Set(await violationsOf(page))).toEqual(new Set(['require-trusted-types-for trusted-types-sink report']))

    const without = await opened(extendPolicy(presets.strict, { trustedTypes: false }))
    expect(await marksOf(without.page)).not.toContain('innerHTML: TypeError')
    expect(await violationsOf(without.page)).toEqual([])
  })
})

const attempts = `
  const p = document.querySelector('p')
  const attempt = (name, work) => {
    try {
      work()
      mark(name + ': passed')
    } catch (error) {
      mark(name + ': ' + error.name)
    }
  }
  ${Object.entries(sinks)
    .map(([name, code]) => `attempt(${JSON.stringify(name)}, () => { ${code} })`)
    .join('\n')}
  attempt('text', () => { p.textContent = '<b>' })
  mark('end')`

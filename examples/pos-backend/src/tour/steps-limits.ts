import { ask, type RawAnswer, sendRaw } from './client.ts'
import { expect, type Step } from './report.ts'
import type { ServerChild } from './server-child.ts'
import type { World } from './world.ts'

/** The steps that send more than the limits allow. */
export function limitSteps(world: World): readonly Step[] {
  return [
    { name: 'limits', prove: () => world.aside(exceedLimits) },
    { name: 'guessed tokens', prove: () => world.aside(guessTokens) },
  ]
}

async function exceedLimits({ origin }: ServerChild): Promise<string> {
  const answers: RawAnswer[] = []
  for (let i = 0; i < 102; i++) answers.push(await sendRaw(origin, { path: '/customers?limit=1' }))
  const passed = answers.filter(({ status }) => status === 200)
  expect(passed.length === 100, '100 requests to pass', passed.length)
  const told = passed.map(({ headers }) => Number(/"api";r=(\d+)/.exec(String(headers['ratelimit']))?.[1]))
  const isCountdown = told.every((left, i) => left >= 99 - i)
  expect(isCountdown && told.at(-1) === 0, 'the field RateLimit to count down to 0', told)
  const last = answers.at(-1)
  const { status, headers = {}, text = '' } = last ?? {}
  const problem = JSON.parse(text) as { type?: string; 'violated-policies'?: string[] }
  expect(status === 429 && String(problem['violated-policies']) === 'api', 'the next to be refused by api', text)
  expect(problem.type?.endsWith('#quota-exceeded') === true, 'the problem type quota-exceeded', problem.type)
  const wait = Number(headers['retry-after'])
  // A hit counts from the next full second on.
  expect(wait > 0 && wait <= 61, 'a Retry-After within the minute', headers['retry-after'])
  const page = await sendRaw(origin, { path: '/' })
  const shows = page.text.includes('aria-label="100 of 100"')
  expect(page.status === 200 && shows, 'the page to be open and show the counter', page.status)
  const none = await sendRaw(origin, { path: '/nothing' })
  const left = /"global";r=(\d+)/.exec(String(none.headers['ratelimit']))?.[1]
  expect(none.status === 404 && left === '896', 'a 404 to count too', [none.status, left])
  return `100 requests to the API pass in a minute, the next is refused with Retry-After: ${wait}; pages stay open; a 404 counts too`
}

async function guessTokens({ origin, adminToken }: ServerChild): Promise<string> {
  const guess = (token: string): Promise<number> =>
    ask(origin, 'GET', '/admin/keys', undefined, token).then(({ status }) => status)
  for (let i = 0; i < 10; i++) expect((await guess(adminToken)) === 200, 'a right token to cost nothing', i)
  const guesses = await Promise.all(Array.from({ length: 20 }, (_, i) => guess(`guess ${i}`)))
  const count = (status: number): number => guesses.filter((each) => each === status).length
  expect(count(403) === 5 && count(429) === 15, 'five of twenty guesses at once to be looked at', guesses)
  const right = await guess(adminToken)
  expect(right === 429, 'the right token to be refused now', right)
  return 'of 20 guesses at once 5 are looked at; then the right token is refused as well, for a quarter of an hour'
}

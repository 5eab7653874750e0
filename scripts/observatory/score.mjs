// Scores one site of loopback as Mozilla's HTTP Observatory does: `node score.mjs 3443 3080`, the ports of https and http. Prints JSON.
// It runs where the scorer is installed, with the site's certificate in NODE_EXTRA_CA_CERTS, so that the certificate is verified.
//
// The scorer's own `scan()` takes no ports, so its parts are called here in the same order: retrieve, every test, the grader. What is
// retrieved, each test and each number are the scorer's own. One thing is stubbed, where the scorer is installed: the list of preloaded
// hosts is empty, because loopback is on no such list.
import { ALL_TESTS } from '@mdn/mdn-http-observatory/src/constants.js'
import { MINIMUM_SCORE_FOR_EXTRA_CREDIT } from '@mdn/mdn-http-observatory/src/grader/charts.js'
import { getGradeForScore, getScoreModifier } from '@mdn/mdn-http-observatory/src/grader/grader.js'
import { retrieve } from '@mdn/mdn-http-observatory/src/retriever/retriever.js'

const [httpsPort, httpPort] = process.argv.slice(2).map(Number)
const retrieved = await retrieve('localhost', { httpsPort, httpPort })
if (retrieved.responses.auto?.status !== 200) {
  throw new Error(`https://localhost:${httpsPort}/ answered ${retrieved.responses.auto?.status ?? 'nothing'}`)
}

const tests = ALL_TESTS.map((test) => {
  const { constructor, result, pass } = test(retrieved)
  return { name: constructor.name, result, pass, modifier: getScoreModifier(result) }
})

// As in the scorer's `scan()`: extra credit counts only when the score without it is an A.
const total = (modifiers) => modifiers.reduce((sum, modifier) => sum + modifier, 100)
const modifiers = tests.map((test) => test.modifier)
const plain = total(modifiers.filter((modifier) => modifier < 0))
const { score, grade } = getGradeForScore(plain >= MINIMUM_SCORE_FOR_EXTRA_CREDIT ? total(modifiers) : plain)
console.log(JSON.stringify({ score, grade, tests }))

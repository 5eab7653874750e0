import { cryptoError } from './errors.ts'
import { nameTokens } from './names.ts'

/** How a field keeps its values: in a column until they are deleted, or with an authenticated expiry before authorisation. */
export type FieldUse = 'stored' | 'transient'

interface Refusal {
  /** The uses that it refuses. */
  readonly uses: readonly FieldUse[]
  /** Each is refused where it is a whole word of the name; usual spellings without a border are listed beside it. */
  readonly words?: string
  /** Words that follow one another, in one name or across table and column; also without a border between them. */
  readonly phrases?: string
  /** One of these words in the table's or column's name lifts the refusal. */
  readonly unless?: string
  readonly reason: string
  readonly instead: string
}

const beforeAuthorisation =
  'Until the payment is authorised keep it in keyring.transient(), whose values expire; after that, keep it nowhere.'

const verificationCode = {
  uses: ['stored'],
  reason: 'PCI DSS 3.3.1.2 forbids storing the card verification code after authorisation, even encrypted',
  instead: `${beforeAuthorisation} If it is something else, give it a name that says what it is.`,
} as const satisfies Refusal

/** Lists are separated by commas, the words of a phrase by spaces; all in lower case and in the singular. */
const refusals: readonly Refusal[] = [
  {
    ...verificationCode,
    words: `cvv, cvc, cid, cav, csc, cvn, icvv, dcvv, cardcvv, cardcvc, cardcid, cardcsc, cvvcode, cvvnumber, cvvvalue, cvvdata,
      cvccode, cvcnumber, cvcvalue, csccode, cvncode, cvnnumber`,
    phrases: 'security code, card verification',
  },
  {
    ...verificationCode,
    words:
      'cardverificationcode, cardverificationvalue, cardverificationnumber, cardverificationdata, cardsecuritycode',
    phrases: 'card code',
    // A shop's own cards have codes too, and PCI DSS does not speak of those.
    unless: 'gift, loyalty, reward, bonus, discount, voucher, member, membership, sim',
  },
  {
    uses: ['stored'],
    words: 'magstripedata, magneticstripedata, fulltrackdata, trackonedata, tracktwodata, trackequivalentdata',
    phrases: `track 1, track 2, track 3, track one, track two, track three, track data, full track, magnetic stripe, magnetic strip,
      mag stripe, mag strip, swipe data, chip data, icc data, emv data`,
    reason:
      'PCI DSS 3.3.1.1 forbids storing track data, or its equivalent on a chip, after authorisation, even encrypted',
    instead: `${beforeAuthorisation} If it is something else, give it a name that says what it is.`,
  },
  {
    uses: ['stored'],
    words: `pin, pinnumber, pinvalue, pindata, pinhash, cardpin, userpin, atmpin, debitpin, encryptedpin, hashedpin,
      encryptedpinblock`,
    phrases: 'pin block',
    reason: 'PCI DSS 3.3.1.3 forbids storing a PIN or PIN block after authorisation, even encrypted',
    instead: `${beforeAuthorisation} If it is a postal code, call it pincode or postal_code; a PIN with which staff sign in is a
      password: hash it with Argon2id and call the column sign_in_hash.`,
  },
  {
    uses: ['stored', 'transient'],
    words: 'pwd, userpassword, userpasswd, userpwd, loginpassword, plainpassword, passwordtext, passwordplain',
    phrases: 'pass word, pass wd, pass phrase',
    unless: 'hash, hashed, digest, phc, argon, bcrypt, scrypt, pbkdf',
    reason: 'a password that is sealed can be opened again, and nobody may ever read one',
    instead: 'Hash it with Argon2id and compare hashes; the stored Argon2 string may be sealed, as password_hash.',
  },
]

interface CompiledRefusal extends Refusal {
  readonly alone: ReadonlySet<string>
  readonly joined: ReadonlySet<string>
  readonly lifting: readonly string[]
}

const compiled: readonly CompiledRefusal[] = refusals.map((refusal) => {
  const joined = list(refusal.phrases).map((phrase) => phrase.replaceAll(' ', ''))
  return {
    ...refusal,
    instead: refusal.instead.replaceAll(/\s+/g, ' '),
    alone: new Set([...list(refusal.words), ...joined]),
    joined: new Set(joined),
    lifting: list(refusal.unless),
  }
})

function list(text: string | undefined): string[] {
  return text === undefined ? [] : text.split(',').map((item) => item.trim())
}

/** No phrase above has more words than this. */
const longestRun = 3

/**
 * Refuses a field whose name says that it holds what must not be kept: the card verification code, track data, a PIN or PIN block
 * (PCI DSS 4.0.1, 3.3.1), or a password in a form that can be read again. Whole words count, over table and column together:
 * `shipping` and `pinned` are not `pin`, and `password_hash` is welcome.
 *
 * @param definition the checked names of the field.
 * @param use `transient` lets card data through, because it is kept only until the payment is authorised (PCI DSS 3.3.2).
 * @throws {CryptoError} `FIELD_REFUSED`; its message names the rule and what to do instead.
 * @example
 * refuseForbidden({ table: 'customers', column: 'email' }, 'stored') // returns
 * refuseForbidden({ table: 'payments', column: 'cvv' }, 'stored') // throws FIELD_REFUSED
 */
export function refuseForbidden(definition: { readonly table: string; readonly column: string }, use: FieldUse): void {
  const names = [definition.table, definition.column]
  // The second reading finds `CvV`, which the first one takes for two words.
  const readings = [names, names.map((name) => name.normalize('NFKC').toLowerCase())].map((all) =>
    all.flatMap(nameTokens),
  )
  const said = new Set(readings.flat())
  const refusal = compiled.find(
    (each) =>
      each.uses.includes(use) &&
      readings.some((tokens) => isNamedBy(tokens, each)) &&
      !each.lifting.some((token) => said.has(token)),
  )
  if (!refusal) return
  const { reason, instead } = refusal
  throw cryptoError('FIELD_REFUSED', `${definition.table}.${definition.column} is refused: ${reason}. ${instead}`)
}

function isNamedBy(tokens: readonly string[], { alone, joined }: CompiledRefusal): boolean {
  return tokens.some((token, at) => {
    if (alone.has(token)) return true
    for (let end = at + 2; end <= at + longestRun; end++) if (joined.has(tokens.slice(at, end).join(''))) return true
    return false
  })
}

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
  /** The same, but in one name only: `pass_code` is refused, the `code` of `boarding_passes` is not. */
  readonly compounds?: string
  /**
   * One of these words in the column lifts the refusal. The table may be about much else (`member_payments`), so its words count only for
   * what stands in it as well; where a phrase begins in the table and ends in the column, only the word right before it.
   */
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
    words: `cvv, cvc, cid, cav, csc, cvn, cvd, ccv, icvv, dcvv, cardcvv, cardcvc, cardcid, cardcsc, cardcvd, cardccv, cvvcode, cvvnumber,
      cvvvalue, cvvdata, cvccode, cvcnumber, cvcvalue, csccode, cvncode, cvnnumber, cvdcode, cvdnumber, ccvcode, ccvnumber,
      cvvhash, encryptedcvv`,
    phrases: 'security code, card verification, card security number, card security value, signature panel, cvp 2',
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
      mag stripe, mag strip, mag data, msr data, t 1 data, t 2 data, swipe data, swipe raw, raw swipe, card swipe, payment swipe,
      chip data, icc data, emv data`,
    reason:
      'PCI DSS 3.3.1.1 forbids storing track data, or its equivalent on a chip, after authorisation, even encrypted',
    instead: `${beforeAuthorisation} If it is something else, give it a name that says what it is.`,
  },
  {
    uses: ['stored'],
    words: `pin, pinnumber, pinvalue, pindata, pinhash, cardpin, userpin, atmpin, debitpin, encryptedpin, hashedpin, pinblk,
      encryptedpinblock, pvv`,
    phrases: 'pin block',
    reason: 'PCI DSS 3.3.1.3 forbids storing a PIN or PIN block after authorisation, even encrypted',
    instead: `${beforeAuthorisation} If it is a postal code, call it pincode or postal_code; a PIN with which staff sign in is a
      password: hash it with Argon2id and call the column sign_in_hash.`,
  },
  {
    uses: ['stored', 'transient'],
    words: `pwd, pswd, psw, userpassword, userpasswd, userpwd, userpasscode, loginpassword, loginpasscode, plainpassword, passwordtext,
      passwordplain`,
    phrases: 'pass word, pass wd, pass phrase, login pass',
    compounds: 'pass code',
    unless: 'hash, hashed, digest, phc, argon, bcrypt, scrypt, pbkdf',
    reason: 'a password that is sealed can be opened again, and nobody may ever read one',
    instead: 'Hash it with Argon2id and compare hashes; the stored Argon2 string may be sealed, as password_hash.',
  },
]

interface CompiledRefusal extends Refusal {
  readonly alone: ReadonlySet<string>
  readonly joined: ReadonlySet<string>
  readonly compound: ReadonlySet<string>
  readonly lifting: ReadonlySet<string>
}

const compiled: readonly CompiledRefusal[] = refusals.map((refusal) => {
  const joined = list(refusal.phrases).map(withoutSpaces)
  const compound = list(refusal.compounds).map(withoutSpaces)
  return {
    ...refusal,
    instead: refusal.instead.replaceAll(/\s+/g, ' '),
    alone: new Set([...list(refusal.words), ...joined, ...compound]),
    joined: new Set(joined),
    compound: new Set(compound),
    lifting: new Set(list(refusal.unless)),
  }
})

function list(text: string | undefined): string[] {
  return text === undefined ? [] : text.split(',').map((item) => item.trim())
}

function withoutSpaces(phrase: string): string {
  return phrase.replaceAll(' ', '')
}

/** No phrase above has more words than this. */
const longestRun = 3

/**
 * Refuses a field whose name says that it holds what must not be kept: the card verification code, track data, a PIN or PIN block
 * (PCI DSS 4.0.1, 3.3.1), or a password in a form that can be read again. Whole words count, over table and column together:
 * `shipping` and `pinned` are not `pin`, and `password_hash` is welcome. It finds what is named by accident, not what is disguised.
 *
 * @param definition the checked names of the field.
 * @param use `transient` lets card data through, because it is kept only until the payment is authorised (PCI DSS 3.3.2).
 * @throws {CryptoError} `FIELD_REFUSED`; its message names the rule and what to do instead.
 * @example
 * refuseForbidden({ table: 'customers', column: 'email' }, 'stored') // returns
 * refuseForbidden({ table: 'payments', column: 'cvv' }, 'stored') // throws FIELD_REFUSED
 */
export function refuseForbidden(definition: { readonly table: string; readonly column: string }, use: FieldUse): void {
  const names = [definition.table, definition.column] as const
  // The second reading finds `CvV`, which the first one takes for two words.
  const readings = [reading(...names), reading(...lowered(names))]
  const refusal = compiled.find((each) => each.uses.includes(use) && isNamed(readings, each))
  if (!refusal) return
  const { reason, instead } = refusal
  throw cryptoError('FIELD_REFUSED', `${definition.table}.${definition.column} is refused: ${reason}. ${instead}`)
}

/** The words of the table and then of the column. */
interface Reading {
  readonly words: readonly string[]
  /** Where the column begins. */
  readonly border: number
  readonly table: readonly string[]
  readonly column: readonly string[]
}

function reading(tableName: string, columnName: string): Reading {
  const [table, column] = [nameTokens(tableName), nameTokens(columnName)]
  // Many columns begin with what their table is called: the `card_code` of `gift_cards` is its `code`.
  const repeated = table.length > 0 && column[0] === table.at(-1)
  return { words: [...table, ...column.slice(repeated ? 1 : 0)], border: table.length, table, column }
}

function lowered([table, column]: readonly [string, string]): [string, string] {
  return [table.normalize('NFKC').toLowerCase(), column.normalize('NFKC').toLowerCase()]
}

/** Whether forbidden words stand in the names that nothing there excuses. */
function isNamed(readings: readonly Reading[], refusal: CompiledRefusal): boolean {
  const says = (words: readonly string[]) => words.some((word) => refusal.lifting.has(word))
  if (readings.some(({ column }) => says(column))) return false
  const tableLifts = readings.some(({ table }) => says(table))
  // A later reading runs words together (`giftcards`, `cardcode`), so it is asked only where an earlier one found nothing.
  const one = readings.find((each) => runs(each, refusal).length > 0)
  if (!one) return false
  return runs(one, refusal).some(({ from, to }) => {
    if (to <= one.border) return !tableLifts
    return from >= one.border || from === 0 || !says(one.words.slice(from - 1, from))
  })
}

interface Span {
  readonly from: number
  readonly to: number
}

/** Where the forbidden words of a refusal stand. */
function runs({ words, border }: Reading, { alone, joined, compound }: CompiledRefusal): Span[] {
  return words.flatMap((word, from) => {
    const found = alone.has(word) ? [{ from, to: from + 1 }] : []
    for (let to = from + 2; to <= Math.min(from + longestRun, words.length); to++) {
      const run = words.slice(from, to).join('')
      const inOneName = to <= border || from >= border
      if (joined.has(run) || (inOneName && compound.has(run))) found.push({ from, to })
    }
    return found
  })
}

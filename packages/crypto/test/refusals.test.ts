import { isSecurityError } from '@mosaajii/core'
import * as fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { type FieldUse, refuseForbidden } from '../src/refusals.ts'

/** The message of the refusal, or `undefined` where the name is welcome. */
function refusal(table: string, column: string, use: FieldUse = 'stored'): string | undefined {
  try {
    refuseForbidden({ table, column }, use)
  } catch (error) {
    if (!isSecurityError(error) || error.code !== 'FIELD_REFUSED') throw error
    return error.message
  }
  return undefined
}

function list(text: string): string[] {
  return text.split(',').map((name) => name.trim())
}

const verificationCode = list(`
  cvv, CVV, cvv2, CVV2, cvc, cvc2, cid, CID, cav, cav2, csc, cvn, icvv, dCVV, security code, card code, card verification,
  card verification code, card verification value, card verification number, cardcvv, cvvcode, securitycode, cardcode,
  cardverificationvalue, ccv, CCV2, card_ccv, ccvNumber, cvd, card_cvd, cardCvd, cvd_number, cvp2, CVP2, card_security_number,
  cardSecurityValue, signature_panel_code, cvvs, cvvhash, encryptedcvv, card_security_codes, cvvHash, encrypted_cvv, cvv2Code, x.cvv, card-cvv, CVV_ENC, customerCVVs, CvV, cVV2
`)
const trackData = list(`
  track 1, track 2, track 3, track1, track2, Track2Data, TRACK_3_DATA, track data, trackdata, trackTwo, magnetic stripe, magneticstripe,
  mag stripe, magstripe, magStripeData, magstripedata, icc data, iccdata, chip_data, emv_data, track2EquivalentData, full_track,
  raw-track-data, swipeData, tracks_data, msr_data, msrData, mag_data, magData, card_swipe, cardSwipes, swipe_raw, raw_swipe, t2_data, T1Data
`)
const pin = list(`
  pin, PIN, Pin, pIn, pins, PINs, pin_block, PINBlock, pinblock, pinBlocks, card_pin, cardpin, pin_code, pinCode, encryptedPinBlock,
  pin_hash, customer PIN, userPIN, pinnumber, pin1, debit.pin, pvv, PVV, card_pvv, pinblk, pin_blk
`)
const password = list(`
  password, Password, PASSWORD, passWord, passwd, pwd, passphrase, pass_phrase, pass-word, passwords, user_password, userpassword,
  password_plain, plainPassword, old passwords, passwordHint, admin_pwd, PWD1,
  passcode, pass_code, passCode, user_passcode, PASSCODES, pswd, user_pswd, psw, clear_password, login_pass
`)

const allowed = list(`
  shipping, spinning, pinned, opinion, opinions, spin, pincode, PINCODE, pinterest, tracking_number, trackingNumber, track_id, track,
  tracks, soundtrack 1, tracking_1, track_12, trackpad, verification_code, verificationCode, emailVerificationCode, company,
  cardNumber, card_number, pan, PAN, card, discount_code, postal_code, code, codes, zip, barcode, security_level, securities,
  social_security_number, password_hash, passwordHash, hashed_password, PASSWORD_DIGEST, password_argon2, passwordArgon2id,
  password_phc, pwd_hash, passphraseHashes, passwordhash, bcrypt_password, password-pbkdf2, passport, passenger, pass,
  stripe_customer, stripeData, magnet, chip, icc_profile, emv, chipset_data, swipe, data, metadata, placid, acid, decide, cvvx, xcvv,
  c_id, customer_id, cv, cave, cavalry, giftCardCode, loyalty_card_code, gift-card-codes, membershipCardCode, discard_code,
  cardholder, cardCodec, email, phone, iban, birthday
`)

describe('what is refused', () => {
  it.each(verificationCode)('a card verification code as %s', (column) => {
    expect(refusal('payments', column)).toMatch(/PCI DSS 3\.3\.1\.2 .*even encrypted.*keyring\.transient\(\)/)
  })
  it.each(trackData)('track data as %s', (column) => {
    expect(refusal('payments', column)).toMatch(/PCI DSS 3\.3\.1\.1 .*even encrypted.*keyring\.transient\(\)/)
  })
  it.each(pin)('a PIN as %s', (column) => {
    expect(refusal('customers', column)).toMatch(
      /PCI DSS 3\.3\.1\.3 .*even encrypted.*keyring\.transient\(\).*postal_code/,
    )
  })
  it.each(password)('a password as %s', (column) => {
    expect(refusal('users', column)).toMatch(/Argon2id.*password_hash/)
  })

  it.each([...verificationCode, ...trackData, ...pin, ...password])('%s also as the name of the table', (table) => {
    expect(refusal(table, 'value')).toBeDefined()
  })

  it.each([
    ['pin', 'block'],
    ['track', 'data'],
    ['track', '2'],
    ['securities', 'code'],
    ['security', 'code'],
    ['cards', 'code'],
    ['payment_cards', 'verification_code'],
    ['mag', 'stripe'],
    ['pass', 'phrase'],
    ['gift_cards', 'security_code'],
    ['gift_cards', 'cvv'],
    ['cards', 'swipe'],
    ['payments', 'swipe'],
    ['logins', 'pass'],
    ['msr', 'data'],
  ])('what table and column say together: %s.%s', (table, column) => {
    expect(refusal(table, column)).toBeDefined()
  })

  it.each([
    ['member_payments', 'cardsecuritycode'],
    ['member_payments', 'card_code'],
    ['gift_payments', 'card_code'],
    ['GiftPayments', 'cardCode'],
    ['sim_orders', 'card_code'],
    ['loyalty', 'card_code'],
    ['gift', 'card_code'],
    ['members', 'cardsecuritycode'],
    ['gift_card_payments', 'card_code'],
    ['member_payment_cards', 'code'],
    ['member_payment_cards', 'card_code'],
    ['cards', 'card_code'],
    ['hashes', 'password'],
    ['argon_users', 'password'],
    ['bcrypt', 'pwd'],
    ['password_hashes', 'password'],
    ['hashed_logins', 'user_password'],
  ])('what only the name of another thing in the table would excuse: %s.%s', (table, column) => {
    expect(refusal(table, column)).toBeDefined()
  })

  it.each([
    ['ＣＶＶ'],
    ['ｃｖｖ２'],
    ['ＰＩＮ'],
    ['ＰＩＮＢｌｏｃｋ'],
    ['𝐂𝐕𝐕'],
    ['𝐂𝐯𝐕'],
    ['𝓹𝓲𝓷'],
    ['ⓒⓥⓥ'],
    ['CVV²'],
    ['p\u200bin'],
    ['c\u00advv'],
    ['ｐａｓｓｗｏｒｄ'],
  ])('the same in letters that only look different: %s', (column) => {
    expect(refusal('payments', column)).toBeDefined()
  })

  it('names the field and says what to do', () => {
    expect(refusal('payments', 'cvv')).toBe(
      'payments.cvv is refused: PCI DSS 3.3.1.2 forbids storing the card verification code after authorisation, even encrypted. ' +
        'Until the payment is authorised keep it in keyring.transient(), whose values expire; after that, keep it nowhere. ' +
        'If it is something else, give it a name that says what it is.',
    )
  })
})

describe('what is welcome', () => {
  it.each(allowed)('%s', (column) => {
    expect(refusal('customers', column)).toBeUndefined()
    expect(refusal(column, 'value')).toBeUndefined()
  })

  it.each([
    ['gift_cards', 'code'],
    ['gift_cards', 'card_code'],
    ['giftCards', 'cardCode'],
    ['loyalty_cards', 'card_code'],
    ['payments', 'gift_card_code'],
    ['cards', 'gift_code'],
    ['cards', 'loyalty_card_code'],
    ['passes', 'code'],
    ['boarding_passes', 'code'],
    ['users', 'passcode_hash'],
    ['passwords', 'argon2'],
    ['bcrypt_passwords', 'value'],
    ['hashed_passwords', 'password'],
    ['password_history_hashes', 'value'],
    ['customers', 'cvp'],
    ['passwords', 'hash'],
    ['password_hashes', 'value'],
    ['users', 'password_hash'],
    ['sip', 'in'],
    ['playlist_tracks', 'title'],
    ['card_numbers', 'value'],
  ])('%s.%s', (table, column) => {
    expect(refusal(table, column)).toBeUndefined()
  })
})

describe('a transient field', () => {
  it.each([...verificationCode, ...trackData, ...pin])('takes card data before authorisation: %s', (column) => {
    expect(refusal('payments', column, 'transient')).toBeUndefined()
  })
  it.each(password)('takes no password either: %s', (column) => {
    expect(refusal('users', column, 'transient')).toMatch(/Argon2id/)
  })
})

// The words of the refusals, spelt out here once more so that a word lost from the table is missed.
const phrases = list(`
  cvv, cvc, cid, cav, csc, cvn, pin, password, passwd, pwd, passphrase, magstripe, pinblock, security code, card code,
  card verification, card verification value, track 1, track 2, track 3, track data, magnetic stripe, mag stripe, icc data,
  pin block, cvv 2, cvv code, pin code, user password, ccv, cvd, cvp 2, pvv, pswd, passcode, pass code, msr data, mag data, card swipe
`).map((phrase) => phrase.split(' '))

const capital = (word: string) => word.slice(0, 1).toUpperCase() + word.slice(1)
const styles: readonly ((words: readonly string[]) => string)[] = [
  (words) => words.join('_'),
  (words) => words.join('-'),
  (words) => words.join('.'),
  (words) => words.join(' '),
  (words) => words.join('/'),
  (words) => words.join('__'),
  (words) => words.join('_').toUpperCase(),
  (words) => words.map(capital).join('-'),
  (words) => words.map(capital).join(''),
  (words) => words.map((word, at) => (at === 0 ? word : capital(word))).join(''),
  // An acronym in front of a capitalised word: PINBlock.
  (words) => words.map((word, at) => (at === 0 ? word.toUpperCase() : capital(word))).join(''),
]

describe('properties', () => {
  const surroundings = fc.array(fc.constantFrom('customer', 'old', 'value', 'raw', 'new', 'main'), { maxLength: 2 })

  it('a refused name is refused in every style, whatever stands around it', () => {
    const name = fc.tuple(surroundings, fc.constantFrom(...phrases), surroundings).map((parts) => parts.flat())
    fc.assert(
      fc.property(name, fc.constantFrom(...styles), (words, style) => {
        expect(refusal('payments', style(words))).toBeDefined()
        expect(refusal(style(words), 'value')).toBeDefined()
      }),
      { numRuns: 3000 },
    )
  })

  it('a refused name between separators is refused in any mixture of small and capital letters', () => {
    const cased = fc.constantFrom(...phrases).chain((words) => fc.mixedCase(fc.constant(words.join('_'))))
    fc.assert(
      fc.property(cased, (column) => {
        expect(refusal('payments', column)).toBeDefined()
      }),
      { numRuns: 3000 },
    )
  })

  // Neither s nor letters that make a listed word or a plural of one.
  const letters = fc.stringMatching(/^[fghjklmqrwxz]{0,4}$/)
  it('a refused word inside a longer word is welcome', () => {
    const single = phrases.filter((words) => words.length === 1).flat()
    fc.assert(
      fc.property(letters, fc.constantFrom(...single), letters, (before, word, after) => {
        fc.pre(before !== '' || after !== '')
        expect(refusal('payments', before + word + after)).toBeUndefined()
        expect(refusal(before + word + after, 'value')).toBeUndefined()
      }),
      { numRuns: 3000 },
    )
  })

  it('any name is welcome, or refused with this error alone', () => {
    fc.assert(
      fc.property(fc.string({ unit: 'binary', maxLength: 200 }), fc.string({ unit: 'grapheme' }), (table, column) => {
        expect(refusal(table, column) ?? `${table}.${column} is refused`).toContain(`${table}.${column} is refused`)
      }),
    )
  })
})

import { luhnDigit } from './domain/card.ts'

/** A customer that nobody is: what the seed sends. */
export interface Person {
  readonly name: string
  readonly email: string
  readonly phone: string
}

const firstNames =
  'Amina Bartholomew Chiara Daisuke Eleonora Farrukh Giovanna Hyacinth Ibrahim Josephine Kwabena Leocadia Marguerite Nikolai Oluwaseun Priyanka'
const lastNames =
  'Abernathy Bhattacharya Castellanos Dragomirov Eriksson Featherstone Georgiadis Hashimoto Iyengar Jaramillo Kowalczyk Lindqvist Mukherjee Nakamura Okonkwo Petrosyan'

/**
 * Generated customers, always the same ones. The domains are reserved for examples (RFC 2606), the country code +999 is assigned to nobody.
 *
 * @param count how many, at most 1,000,000.
 */
export function people(count: number): Person[] {
  const [first, last] = [firstNames.split(' '), lastNames.split(' ')]
  return Array.from({ length: count }, (_, i) => {
    const [given, family] = [first[i % 16] ?? '', last[Math.floor(i / 16 + i) % 16] ?? '']
    const email = `${given}.${family}.${i}@example.${['com', 'org', 'net'][i % 3]}`.toLowerCase()
    // 7,368,787 is prime, so the numbers look unlike one another and none repeats.
    const number = 100_000_000 + ((i * 7_368_787) % 899_999_963)
    return { name: `${given} ${family}`, email, phone: `+999${number}` }
  })
}

/** A generated Visa number of 16 digits with a right check digit; no bank issues this range. */
export function testCard(index: number): string {
  const digits = `400000${String((index * 7_368_787) % 999_999_937).padStart(9, '0')}`
  return digits + luhnDigit(digits)
}

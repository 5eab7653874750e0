/** The card brands that the shop names on a receipt. */
export type CardBrand = 'Visa' | 'Mastercard' | 'American Express' | 'Card'

const brands: readonly (readonly [RegExp, CardBrand])[] = [
  [/^4/, 'Visa'],
  [/^(5[1-5]|222[1-9]|22[3-9]|2[3-6]|27[01]|2720)/, 'Mastercard'],
  [/^3[47]/, 'American Express'],
]

/** The brand by the first digits of the number. */
export function brandOf(pan: string): CardBrand {
  return brands.find(([prefix]) => prefix.test(pan))?.[1] ?? 'Card'
}

/** Whether the digits satisfy the check digit of ISO/IEC 7812-1 (Luhn). */
export function isLuhn(digits: string): boolean {
  return digits.length > 0 && luhnSum(digits) % 10 === 0
}

/** The check digit that makes `digits` followed by it a Luhn number. */
export function luhnDigit(digits: string): string {
  return String((10 - (luhnSum(`${digits}0`) % 10)) % 10)
}

// Every second digit from the right counts double; of a two-digit product both digits count.
function luhnSum(digits: string): number {
  let sum = 0
  for (let i = 0; i < digits.length; i++) {
    const digit = Number(digits[digits.length - 1 - i])
    const doubled = i % 2 === 1 ? digit * 2 : digit
    sum += doubled > 9 ? doubled - 9 : doubled
  }
  return sum
}

/** The most of a card number that may be shown (PCI DSS 3.4.1): the first six and the last four digits. */
export function masked(pan: string): string {
  return `${pan.slice(0, 6)}${'*'.repeat(Math.max(0, pan.length - 10))}${pan.slice(-4)}`
}

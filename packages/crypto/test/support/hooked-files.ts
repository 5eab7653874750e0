import { vi } from 'vitest'

/** Called before each operation on files. What it throws, the operation throws; `instead` is returned without doing it. */
type FileHook = (operation: string, args: readonly unknown[]) => Answer | Promise<Answer>
type Answer = { readonly instead: unknown } | undefined | void

type AnyFunction = (...args: unknown[]) => unknown

/**
 * Lets a test stand between a file store and `node:fs/promises`: `make` builds the store, and the hook sees each of its operations, also
 * those on open files (`file.writeFile`, `file.sync` and so on).
 */
export function withFileHook<T>(hook: FileHook, make: () => T): T {
  const original = process.getBuiltinModule
  const spy = vi.spyOn(process, 'getBuiltinModule').mockImplementation((id: string) => {
    const module = original(id)
    return id === 'node:fs/promises' ? hooked(module as object, hook, '') : module
  })
  try {
    return make()
  } finally {
    spy.mockRestore()
  }
}

function hooked<T extends object>(target: T, hook: FileHook, prefix: string): T {
  return new Proxy(target, {
    get(from, name) {
      const value: unknown = Reflect.get(from, name, from)
      if (typeof value !== 'function') return value
      return async (...args: unknown[]) => {
        const call = () => (value as AnyFunction).apply(from, args)
        // Whatever happens, the test process must not run out of file descriptors.
        if (prefix !== '' && name === 'close') await call()
        const answer = await hook(`${prefix}${String(name)}`, args)
        if (answer) return answer.instead
        if (prefix !== '' && name === 'close') return undefined
        const result = await call()
        return name === 'open' ? hooked(result as object, hook, 'file.') : result
      }
    },
  })
}

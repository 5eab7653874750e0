/**
 * Says where the limits are counted, and warns when that cannot be reached.
 *
 * @param redis the address of Redis; only its host and port are told, as it may hold a password. `undefined`: in memory.
 */
export function countedWhere(redis: string | undefined, isReachable: boolean): string {
  if (redis === undefined) return 'Limits are counted in the memory of this process'
  const where = `Limits are counted on Redis at ${new URL(redis).host}`
  if (isReachable) return where
  return `${where}
WARNING: Redis cannot be reached. Until it can, a tenth of each limit passes in this process, and no admin token is looked at (503)`
}

export {
  type LimiterClusterOptions,
  type LimiterRedisOptions,
  limiterClusterOptions,
  limiterRedisOptions,
} from './redis/client.ts'
export { redisStore, type RedisStoreOptions } from './stores/redis.ts'

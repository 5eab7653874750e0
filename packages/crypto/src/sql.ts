export { type KyselySourceOptions, kyselySource, type SourceFilter } from './kysely-source.ts'
export { type SqlCursor, type SqlCursorOptions, sqlCursor } from './sql-cursor.ts'
export { type SqlKeyStore, type SqlKeyStoreOptions, sqlKeyStore } from './stores/sql.ts'

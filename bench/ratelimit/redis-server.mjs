import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { accessSync, constants, mkdtempSync, rmSync } from 'node:fs'
import { createServer } from 'node:net'
import { tmpdir } from 'node:os'
import { delimiter, join } from 'node:path'

/** The path of `redis-server`, or `undefined` when none is in PATH. */
export function redisServerPath() {
  const found = (process.env.PATH ?? '').split(delimiter).map((folder) => join(folder, 'redis-server'))
  return found.find((file) => {
    try {
      accessSync(file, constants.X_OK)
      return true
    } catch {
      return false
    }
  })
}

/**
 * Starts a Redis of its own on a free port of loopback, with a data folder of its own, that writes nothing to disk.
 *
 * @param {string} path
 * @returns {Promise<{ port: number, pid: number, version: string, stop: () => Promise<void> }>}
 */
export async function startRedis(path) {
  const folder = mkdtempSync(join(tmpdir(), 'mosaajii-bench-redis-'))
  const port = await freePort()
  const settings = ['--port', String(port), '--bind', '127.0.0.1', '--dir', folder, '--save', '', '--appendonly', 'no']
  const child = spawn(path, settings, { stdio: ['ignore', 'pipe', 'inherit'] })
  const end = () => child.kill()
  process.once('exit', end)
  const stop = async () => {
    process.removeListener('exit', end)
    if (child.exitCode === null && child.kill()) await once(child, 'exit')
    rmSync(folder, { recursive: true, force: true })
  }
  try {
    return { port, pid: child.pid, version: await listening(child), stop }
  } catch (error) {
    await stop()
    throw error
  }
}

/** Waits until it says that it listens, and returns its version, which it says before. */
function listening(child) {
  return new Promise((resolve, reject) => {
    let printed = ''
    child.once('exit', (code) => reject(new Error(`redis-server ended with ${code}:\n${printed}`)))
    child.stdout.setEncoding('utf8').on('data', (text) => {
      if (printed.length < 10_000) printed += text
      if (/Ready to accept connections/.test(printed)) resolve(/Redis version=([\d.]+)/.exec(printed)?.[1] ?? '?')
    })
  })
}

async function freePort() {
  const server = createServer().listen(0, '127.0.0.1')
  await once(server, 'listening')
  const { port } = server.address()
  server.close()
  await once(server, 'close')
  return port
}

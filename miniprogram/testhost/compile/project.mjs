// The built mini program as a tree of files: which components there are, and where a reference leads.
import fs from 'node:fs'
import path from 'node:path'

export class Project {
  constructor(root) {
    this.root = root
    this.faults = []
    this.app = this.json('app.json')
    this.theme = this.exists('theme.json') ? this.json('theme.json') : {}
    const subpackages = this.app.subPackages ?? this.app.subpackages ?? []
    this.pages = [
      ...this.app.pages,
      ...subpackages.flatMap((pack) => pack.pages.map((page) => `${pack.root.replace(/\/$/, '')}/${page}`)),
    ]
  }

  exists(file) {
    const full = path.join(this.root, file)
    return fs.existsSync(full) && fs.statSync(full).isFile()
  }

  text(file) {
    return fs.readFileSync(path.join(this.root, file), 'utf8')
  }

  json(file) {
    return JSON.parse(this.text(file))
  }

  fault(words) {
    if (!this.faults.includes(words)) this.faults.push(words)
  }

  /** Where `require(reference)` in the script `from` leads, or null for nothing. */
  script(from, reference) {
    const endings = ['', '.js', '/index.js']
    return this.#first(this.#local(from, reference), endings) ?? this.#package(from, reference, endings)
  }

  /** The component that `reference` in the .json of `from` names, without ending, or null. */
  component(from, reference) {
    const endings = ['.json', '/index.json']
    const found = this.#first(this.#local(from, reference), endings) ?? this.#package(from, reference, endings)
    return found && found.slice(0, -'.json'.length)
  }

  #local(from, reference) {
    return reference.startsWith('/') ? reference.slice(1) : path.posix.join(path.posix.dirname(from), reference)
  }

  #first(base, endings) {
    return endings.map((ending) => base + ending).find((file) => this.exists(file)) ?? null
  }

  /** miniprogram_npm is looked for in the folder of the file, then in each one above. */
  #package(from, reference, endings) {
    if (reference.startsWith('.') || reference.startsWith('/')) return null
    for (let folder = path.posix.dirname(from); ; folder = path.posix.dirname(folder)) {
      const found = this.#first(path.posix.join(folder, 'miniprogram_npm', reference), endings)
      if (found) return found
      if (folder === '.' || folder === '/') return null
    }
  }
}

import './faults.js'
import './base.css.js'
import { boot } from './boot.js'

boot(window.__PROGRAM__)

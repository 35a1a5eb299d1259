// Where the server is: put in at build time (API_ORIGIN). Empty in the browser, where page and server have one origin.
declare const __API_ORIGIN__: string

export const API = `${__API_ORIGIN__}/api/v1`

// How the calls of `wx` answer: by success, fail and complete, or by a promise when none of them is given.

/** Make a wx function of one that gives its result, or throws an Error whose message WeChat would put behind "fail". */
export function call(name, body) {
  return (options = {}) => {
    const done = Promise.resolve()
      .then(() => body(options))
      .then((result) => ({ errMsg: `${name}:ok`, ...result }))
    const { success, fail, complete } = options
    if (!success && !fail && !complete) return done.catch((error) => Promise.reject(failure(name, error)))
    done.then(
      (result) => {
        success?.(result)
        complete?.(result)
      },
      (error) => {
        const told = failure(name, error)
        fail?.(told)
        complete?.(told)
      },
    )
    return undefined
  }
}

function failure(name, error) {
  return { errMsg: `${name}:fail ${error.message}`, ...(error.errno === undefined ? {} : { errno: error.errno }) }
}

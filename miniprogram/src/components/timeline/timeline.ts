// What happened, newest first: { words, when } each.
Component({
  options: { styleIsolation: 'isolated' },
  properties: { steps: { type: Array, value: [] } },
})

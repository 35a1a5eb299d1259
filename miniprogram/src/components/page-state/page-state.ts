// What a page shows instead of its content: loading, nothing there, an error, no network. Everywhere the same.
Component({
  options: { multipleSlots: true, styleIsolation: 'isolated' },
  properties: {
    /** loading, empty, error, offline or ready */
    state: { type: String, value: 'loading' },
    words: { type: String, value: '' },
    icon: { type: String, value: 'inbox' },
  },
  methods: {
    retry() {
      this.triggerEvent('retry')
    },
  },
})

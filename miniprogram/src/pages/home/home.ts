Component({
  data: { n: 0 },
  methods: {
    report() {
      this.setData({ n: this.data.n + 1 })
    },
  },
})

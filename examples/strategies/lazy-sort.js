// A strategy made of the parts that the built-in ones are made of: append, and sort at guest entry only when the list is
// several times as long as there are list registers.
//
//   vgic-replay replay my.vgt --strategy ./lazy-sort.js:factor=4,sort-on-flush

/** @type {import('vgic-replay').OutsideStrategy} */
export default {
  id: 'lazy-sort',
  summary: 'append; sort at guest entry when the list is longer than factor x list registers',
  models: 'nothing: an example',
  structure: 'ap-list',
  equivalence: 'deviating',
  cost: {
    insert: 'O(1)',
    flush: 'O(k), O(n log n) beyond the factor',
    pending: 'O(n)',
    prune: 'O(n)',
    memory: '2 links per interrupt',
  },
  params: {
    factor: {
      name: 'factor',
      fallback: 2,
      min: 1,
      max: 1000,
      meaning: 'list length per list register that is left unsorted',
    },
  },
  create({ factor }, { COUNTED, createAppendedList }) {
    return (state, ops) => {
      const { list, sort } = createAppendedList(state, ops);
      return {
        length: (vcpu) => list.len[vcpu],
        insert: list.append,
        touch() {},
        touchAll() {},
        select(vcpu) {
          if (COUNTED) state.cost.locks += 1;
          if (state.flavour.depth === 'ours') list.summarise(vcpu);
          if (list.len[vcpu] > factor * state.nrLr) sort(vcpu);
          return list.walk(vcpu, list.hasMultiSgi(vcpu));
        },
        prune: list.prune,
        hasPending: list.hasPending,
        dropLpis: list.dropLpis,
        after: list.after,
        order: list.order,
      };
    };
  },
};

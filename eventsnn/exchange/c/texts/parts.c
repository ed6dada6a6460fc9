/* ---- The parts of a network, and what they have in common. ---- */

struct leak;

/* Neurons of one model. Their numbers stand side by side in the arrays of snn_net. */
struct population {
    uint32_t index;    /* its number */
    uint32_t size;
    uint32_t bits;     /* where its bits begin */
    uint32_t v;        /* where its potentials begin */
    uint32_t clock;    /* where its clocks begin */
    uint32_t share;    /* neighbours that are always reached together, and share a clock */
    uint32_t ready;    /* where the ends of its refractory times begin */
    uint32_t refractory_us;
    const snn_real *thresholds; /* one, or some that neurons take in turns */
    uint32_t kinds;    /* how many */
#if SNN_WHOLE
    snn_real scale;    /* what a weight is multiplied by: a power of two */
#endif
    uint8_t to_zero;   /* whether a spike sets the potential to 0, or takes the threshold off */
    uint8_t answers;   /* whether it is the output */
    const struct leak *leak;
    /* Add n neighbouring weights to the neurons from `first` on. */
    void (*receive)(snn_net *, const struct population *, uint32_t first, const snn_weight *, uint32_t n);
    /* All of this instant has been added: leave a bit for each neuron that fires. */
    void (*settle)(snn_net *, const struct population *);
};

/* A connection. `table` are its sizes, as its fan-out reads them. */
struct link {
    uint32_t source; /* populations, by number */
    uint32_t target;
    const snn_weight *weights;
    const uint32_t *table;
    const snn_index *targets; /* the target of each weight, where they are listed */
    /* Deliver a spike of one sender. */
    void (*fan_out)(snn_net *, const struct link *, uint32_t sender);
};

static const struct population populations[SNN_POPULATIONS];

/* Note that a neuron may fire, or that an input has events. */
static void mark(snn_net *net, const struct population *p, uint32_t unit)
{
    uint32_t word = unit / 32;
    net->bits[p->bits + word] |= (uint32_t)1 << (unit % 32);
    if (word < net->low[p->index])
        net->low[p->index] = word;
    if (word > net->high[p->index])
        net->high[p->index] = word;
}

/* The number of the lowest bit of a word that has some. */
static uint32_t lowest_bit(uint32_t word)
{
#if defined(__GNUC__)
    return (uint32_t)__builtin_ctzl(word);
#else
    uint32_t k = 0;
    while (!(word >> k & 1))
        k++;
    return k;
#endif
}

/* Deliver weights from `weight` on to the n neighbours from `target` on. */
static void run(snn_net *net, const struct link *link, uint32_t target, uint32_t weight, uint32_t n)
{
    const struct population *p = &populations[link->target];
    p->receive(net, p, target, link->weights + weight, n);
}

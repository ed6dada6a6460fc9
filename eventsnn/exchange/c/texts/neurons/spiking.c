/* Neurons that fire at v >= threshold, at the instant of a delivery. */

/* Return the threshold of a neuron. */
static snn_real threshold_of(const struct population *p, uint32_t unit)
{
    if (p->kinds == 1)
        return p->thresholds[0];
    return p->thresholds[unit < p->kinds ? unit : unit % p->kinds];
}

#if SNN_READY
/* Whether a neuron is refractory: what is delivered to it is lost. */
static int pauses(const snn_net *net, const struct population *p, uint32_t unit)
{
    return p->refractory_us && net->t < net->ready[p->ready + unit];
}
#endif

/* Add weights to neighbours of one threshold; return whether any of them reached it. */
static int add_alike(const struct population *p, snn_real *restrict v, const snn_weight *restrict weights, uint32_t n)
{
    const snn_real threshold = p->thresholds[0];
    uint32_t k;
    int reached = 0;
    for (k = 0; k < n; k++) {
        v[k] += SNN_ADDED(p, weights[k]);
        reached |= v[k] >= threshold;
    }
    return reached;
}

/* The same of neighbours whose thresholds stand side by side. */
static int add_each(const struct population *p, snn_real *restrict v, const snn_weight *restrict weights, uint32_t n, const snn_real *restrict thresholds)
{
    uint32_t k;
    int reached = 0;
    for (k = 0; k < n; k++) {
        v[k] += SNN_ADDED(p, weights[k]);
        reached |= v[k] >= thresholds[k];
    }
    return reached;
}

/* The same of neighbours that take thresholds in turns: as far as these go, then on from the first
   one. `of` is that of the first neighbour. */
static int add_in_turns(const struct population *p, snn_real *v, const snn_weight *weights, uint32_t n, uint32_t of)
{
    uint32_t part;
    int reached = 0;
    for (; n; n -= part, v += part, weights += part, of = 0) {
        part = n < p->kinds - of ? n : p->kinds - of;
        reached |= add_each(p, v, weights, part, p->thresholds + of);
    }
    return reached;
}

/* Add weights, and note who reached the threshold on the way: who stays there fires. */
static void add(snn_net *net, const struct population *p, uint32_t first, const snn_weight *weights, uint32_t n)
{
    snn_real *v = net->v + p->v + first;
    uint32_t k;
#if SNN_READY
    if (p->refractory_us) {
        for (k = 0; k < n; k++)
            if (!pauses(net, p, first + k)) {
                v[k] += SNN_ADDED(p, weights[k]);
                if (v[k] >= threshold_of(p, first + k))
                    mark(net, p, first + k);
            }
        return;
    }
#endif
    if (p->kinds == 1 ? add_alike(p, v, weights, n)
                      : add_in_turns(p, v, weights, n, first ? first % p->kinds : 0))
        for (k = 0; k < n; k++)
            if (v[k] >= threshold_of(p, first + k))
                mark(net, p, first + k);
}

/* Reset a neuron, and tell its spike. */
static void fire(snn_net *net, const struct population *p, uint32_t unit)
{
    snn_real *v = net->v + p->v + unit;
    *v = p->to_zero ? (snn_real)0 : *v - threshold_of(p, unit);
#if SNN_READY
    if (p->refractory_us)
        net->ready[p->ready + unit] = net->t + p->refractory_us;
#endif
#if SNN_COUNTED
    if (p->answers) {
        net->counts[unit]++;
        if (net->t < net->first[unit])
            net->first[unit] = net->t;
    }
#endif
    if (net->spike)
        net->spike(net->context, p->index, unit, net->t);
}

/* Test those that reached the threshold, once, in order of unit. */
static void spiking_settle(snn_net *net, const struct population *p)
{
    uint32_t word, unit, rest;
    for (word = net->low[p->index]; word <= net->high[p->index]; word++) {
        for (rest = net->bits[p->bits + word]; rest; rest &= rest - 1) {
            unit = 32 * word + lowest_bit(rest);
            if (net->v[p->v + unit] >= threshold_of(p, unit))
                fire(net, p, unit);
            else
                net->bits[p->bits + word] &= ~((uint32_t)1 << (unit % 32));
        }
    }
}

#include "factor.c"
#include "spiking.c"

#if SNN_CLOCKS
/* Let the neurons of a run decay up to now. */
static void forget_some(snn_net *net, const struct population *p, uint32_t first, uint32_t n)
{
    snn_real *v = net->v + p->v + first;
    uint32_t *clock = net->clock + p->clock + first / p->share;
    uint32_t k, i;
    int32_t left;
    for (k = 0; k < n; k += p->share, clock++)
        if (*clock != net->t) {
            left = factor(p->leak, *clock, net->t);
            *clock = net->t;
            if (left == SNN_ONE)
                continue;
            for (i = k; i < k + p->share; i++)
                v[i] = decayed(v[i], left);
        }
}
#endif

/* IF and LIF in whole numbers. */
static void integer_lif_receive(snn_net *net, const struct population *p, uint32_t first, const snn_weight *weights, uint32_t n)
{
#if SNN_CLOCKS
    if (p->leak)
        forget_some(net, p, first, n);
#endif
    add(net, p, first, weights, n);
}

static void integer_lif_settle(snn_net *net, const struct population *p)
{
    spiking_settle(net, p);
}

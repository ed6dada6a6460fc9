#include "decay.c"
#include "spiking.c"

/* LIF: what was there decays over the time since the last delivery, then weights are added. */
static void lif_receive(snn_net *net, const struct population *p, uint32_t first, const snn_weight *weights, uint32_t n)
{
    snn_real *v = net->v + p->v + first, left;
    uint32_t *clock = net->clock + p->clock + first / p->share;
    uint32_t k, i;
    for (k = 0; k < n; k += p->share, clock++)
        if (*clock != net->t) {
            left = (snn_real)decay(p->leak, net->t - *clock);
            for (i = 0; i < p->share; i++)
                v[k + i] *= left;
            *clock = net->t;
        }
    add(net, p, first, weights, n);
}

static void lif_settle(snn_net *net, const struct population *p)
{
    spiking_settle(net, p);
}

#include "factor.c"

/* Readout in whole numbers: it never fires; it keeps its maximum over instants, and with a leak the
   sum of all that came, without one the integral over microseconds. */
static void integer_readout_receive(snn_net *net, const struct population *p, uint32_t first, const snn_weight *weights, uint32_t n)
{
    snn_real *v = net->v + p->v + first, came;
    int64_t *integral = net->integral + first;
    uint32_t *clock = net->clock + p->clock + first / p->share;
    uint32_t k, i;
    int32_t left;
    for (k = 0; k < n; k += p->share, clock++)
        if (*clock != net->t) {
            left = factor(p->leak, *clock, net->t);
            for (i = k; i < k + p->share; i++)
                if (p->leak)
                    v[i] = decayed(v[i], left);
                else
                    integral[i] += (int64_t)v[i] * (net->t - *clock);
            *clock = net->t;
        }
    for (k = 0; k < n; k++) {
        came = (snn_real)weights[k] * p->scale;
        v[k] += came;
        if (p->leak)
            integral[k] += came;
    }
}

static void integer_readout_settle(snn_net *net, const struct population *p)
{
    uint32_t k;
    for (k = 0; k < p->size; k++)
        if (net->v[p->v + k] > net->maximum[k])
            net->maximum[k] = net->v[p->v + k];
}

#include "decay.c"

/* The decay over a gap and what is below it, as they multiply potentials. */
static void over(const struct leak *leak, uint32_t gap, snn_real *left, snn_real *area)
{
    double exact = leak ? decay(leak, gap) : 1.0;
    *left = (snn_real)exact;
    *area = (snn_real)(leak ? leak->tau_us * (1.0 - exact) : (double)gap);
}

/* Readout: it decays as LIF and never fires; it keeps its integral, and its maximum over instants. */
static void readout_receive(snn_net *net, const struct population *p, uint32_t first, const snn_weight *weights, uint32_t n)
{
    snn_real *v = net->v + p->v + first, left, area;
    uint32_t *clock = net->clock + p->clock + first / p->share;
    uint32_t k, i;
    for (k = 0; k < n; k += p->share, clock++)
        if (*clock != net->t) {
            over(p->leak, net->t - *clock, &left, &area);
            for (i = k; i < k + p->share; i++) {
                net->integral[first + i] += v[i] * area;
                v[i] *= left;
            }
            *clock = net->t;
        }
    for (k = 0; k < n; k++)
        v[k] += weights[k];
}

static void readout_settle(snn_net *net, const struct population *p)
{
    uint32_t k;
    for (k = 0; k < p->size; k++)
        if (net->v[p->v + k] > net->maximum[k])
            net->maximum[k] = net->v[p->v + k];
}

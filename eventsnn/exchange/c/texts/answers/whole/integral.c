#include "final_of.c"

/* The answer is the integral of each readout. With a leak, in units of its time constant, it is all
   that came less what is still there, and while more may come all that came: so it would end if
   nothing came. Without a leak it is potentials times microseconds. */
static void read_outputs(const snn_net *net, snn_score *outputs)
{
    const struct population *p = &populations[SNN_POPULATIONS - 1];
    uint32_t k, clock;
    for (k = 0; k < SNN_CLASSES; k++) {
        clock = net->clock[p->clock + k / p->share];
        outputs[k] = net->integral[k];
        if (p->leak && net->ended)
            outputs[k] -= final_of(net, k);
        if (!p->leak)
            outputs[k] += (snn_score)net->v[p->v + k] * (net->t - clock);
    }
}
